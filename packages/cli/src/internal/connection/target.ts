/**
 * The store that a command works on.
 */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { Misused } from "../exit.ts"
import * as Contexts from "./contexts.ts"

/** A server, or the folder of an embedded database. */
export type Target =
  | { readonly _tag: "server"; readonly url: Redacted.Redacted<string>; readonly from: string }
  | { readonly _tag: "embedded"; readonly dataDir: string; readonly from: string }

/** The flags that choose a store. */
export interface Flags {
  readonly url: Option.Option<Redacted.Redacted<string>>
  readonly data: Option.Option<string>
  readonly context: Option.Option<string>
}

/**
 * Returns the store that is named by a flag, or else by `DAYBOOK_CONTEXT`, or else by
 * `DATABASE_URL`, or else by the current context.
 */
export const resolve = Effect.fnUntraced(function* (flags: Flags) {
  const given = [flags.url, flags.data, flags.context].map((one) => one._tag)
  if (given.filter((tag) => tag === "Some").length > 1) {
    return yield* new Misused({ problem: "--url, --data and --context exclude one another" })
  }
  if (Option.isSome(flags.url)) return server(flags.url.value, "--url")
  if (Option.isSome(flags.data)) return embedded(flags.data.value, "--data")
  if (Option.isSome(flags.context)) return yield* ofContext(flags.context.value)
  const name = yield* Config.String("DAYBOOK_CONTEXT").pipe(Config.withDefault(""))
  if (name !== "") return yield* ofContext(name)
  const url = yield* Config.option(Config.Redacted("DATABASE_URL"))
  if (Option.isSome(url) && Redacted.value(url.value) !== "") {
    return server(url.value, "DATABASE_URL")
  }
  const { current } = yield* Contexts.read
  if (current !== undefined) return yield* ofContext(current)
  return yield* new Misused({
    problem: "No store is named: give --url, --data or --context, or set DATABASE_URL"
  })
})

const server = (url: Redacted.Redacted<string>, from: string): Target => ({
  _tag: "server",
  url,
  from
})

const embedded = (dataDir: string, from: string): Target => ({ _tag: "embedded", dataDir, from })

const ofContext = Effect.fnUntraced(function* (name: string) {
  const entry = yield* Effect.flatMap(Contexts.read, (all) => Contexts.find(all, name))
  const from = `context ${name}`
  if ("data" in entry) return embedded(entry.data, from)
  if ("url" in entry) return server(Redacted.make(entry.url), from)
  const url = yield* Config.option(Config.Redacted(entry.urlFrom))
  return Option.isSome(url)
    ? server(url.value, from)
    : yield* new Misused({
        problem: `The context ${name} takes its URL from ${entry.urlFrom}, which is not set`
      })
})
