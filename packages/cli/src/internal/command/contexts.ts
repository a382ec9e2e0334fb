/**
 * `daybook contexts`: the names of the stores of a person's environments.
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { Stdio } from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as Contexts from "../connection/contexts.ts"
import { Misused } from "../exit.ts"
import { type Listing, print } from "../output/listing.ts"
import { root } from "./root.ts"
import { style } from "./session.ts"

const name = Argument.String("NAME").pipe(
  Argument.withSchema(
    Schema.String.check(
      Schema.isPattern(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, {
        expected: "a name: a letter or digit, then letters, digits or . _ -, at most 64 characters"
      })
    )
  )
)

interface Named {
  readonly name: string
  readonly isCurrent: boolean
  readonly store: string
}

const listing: Listing<Named> = {
  columns: [
    { title: "", of: ({ isCurrent }) => (isCurrent ? "*" : "") },
    { title: "name", of: (one) => one.name },
    { title: "store", of: ({ store }) => store }
  ],
  id: (one) => one.name,
  json: ({ isCurrent, name: named, store }) => ({ name: named, current: isCurrent, store })
}

/** Names the place of a context, without a password. */
const describe = (entry: Contexts.Entry): string => {
  if ("data" in entry) return entry.data
  if ("urlFrom" in entry) return `$${entry.urlFrom}`
  if (!URL.canParse(entry.url)) return "a URL that can't be parsed"
  const { host, pathname, protocol } = new URL(entry.url)
  return `${protocol}//${host}${pathname}`
}

const add = Command.make(
  "add",
  {
    name,
    urlFrom: Flag.String("url-from").pipe(
      Flag.withDescription("The environment variable that holds the URL"),
      Flag.withMetavar("VARIABLE"),
      Flag.withSchema(
        Schema.String.check(
          Schema.isPattern(/^[A-Za-z_][A-Za-z0-9_]*$/, { expected: "the name of a variable" })
        )
      ),
      Flag.optional
    )
  },
  Effect.fnUntraced(function* (input) {
    const { data, url } = yield* root
    const entries: ReadonlyArray<Contexts.Entry> = [
      ...(Option.isSome(input.urlFrom) ? [{ urlFrom: input.urlFrom.value }] : []),
      ...(Option.isSome(data) ? [{ data: data.value }] : []),
      ...(Option.isSome(url) ? [{ url: yield* given(Redacted.value(url.value)) }] : [])
    ]
    const [entry] = entries
    if (entry === undefined || entries.length > 1) {
      return yield* new Misused({
        problem: "A context has one store: give --url, --url-from or --data"
      })
    }
    const before = yield* Contexts.read
    yield* Contexts.write({
      ...before,
      contexts: { ...before.contexts, [input.name]: entry }
    })
  })
).pipe(
  Command.withDescription(
    "Add or replace a context. `--url -` reads the URL from standard input, where no other user sees it."
  ),
  Command.withExamples([
    { command: "daybook contexts add production --url-from PRODUCTION_DATABASE_URL" },
    { command: "daybook contexts add local --data ./shop-data" },
    { command: "pass shop/url | daybook contexts add staging --url -" }
  ])
)

/** Returns the URL, which `-` takes from the first line of standard input. */
const given = Effect.fnUntraced(function* (url: string) {
  if (url !== "-") return url
  const { stdin } = yield* Stdio
  const text = yield* Stream.mkString(Stream.decodeText(stdin))
  const [line = ""] = text.split(/\r?\n/)
  if (line === "") return yield* new Misused({ problem: "--url -: standard input has no URL" })
  return line
})

const use = Command.make(
  "use",
  { name },
  Effect.fnUntraced(function* (input) {
    const before = yield* Contexts.read
    yield* Contexts.find(before, input.name)
    yield* Contexts.write({ ...before, current: input.name })
  })
).pipe(
  Command.withDescription(
    "Choose the context for commands that name no store, when neither DAYBOOK_CONTEXT nor DATABASE_URL is set."
  ),
  Command.withExamples([{ command: "daybook contexts use local" }])
)

const remove = Command.make(
  "remove",
  { name },
  Effect.fnUntraced(function* (input) {
    const { contexts: before, current } = yield* Contexts.read
    yield* Contexts.find({ contexts: before }, input.name)
    const rest = Object.fromEntries(Object.entries(before).filter(([one]) => one !== input.name))
    yield* Contexts.write({
      contexts: rest,
      ...(current === undefined || current === input.name ? {} : { current })
    })
  })
).pipe(
  Command.withDescription("Remove a context."),
  Command.withExamples([{ command: "daybook contexts remove staging" }])
)

export const contexts = Command.make(
  "contexts",
  {},
  Effect.fnUntraced(function* () {
    const { contexts: all, current } = yield* Contexts.read
    yield* print(
      yield* style,
      listing,
      Stream.fromIterable(
        Object.entries(all).map(([one, entry]) => ({
          name: one,
          isCurrent: one === current,
          store: describe(entry)
        }))
      )
    )
  })
).pipe(
  Command.withDescription(
    "List the named stores. They are in ~/.config/daybook/contexts.json, or in the file that DAYBOOK_CONTEXTS names."
  ),
  Command.withExamples([{ command: "daybook contexts" }]),
  Command.withSubcommands([add, use, remove])
)
