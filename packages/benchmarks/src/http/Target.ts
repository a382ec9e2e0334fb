/**
 * A host under load, as a process of its own.
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as ChildProcess from "effect/process/ChildProcess"
import type * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as Path from "node:path"

/** A process did not say where it serves. */
class NotServing extends Data.TaggedError("NotServing")<{ readonly name: string }> {
  override get message() {
    return `${this.name} ended before it served`
  }
}

/** A program that serves orders, and prints its address in its first line. */
export interface Program {
  readonly name: string
  readonly path: string
  readonly args: ReadonlyArray<string>
}

/** The shop, as `pnpm start` runs it. */
export const shop: Program = {
  name: "shop",
  path: Path.join(import.meta.dirname, "../../../order-service/src/serve.ts"),
  args: ["--store", "postgres", "--port", "0"]
}

/** A handler on `node:http`. */
export const plain: Program = {
  name: "node:http",
  path: Path.join(import.meta.dirname, "Plain.ts"),
  args: []
}

/** Starts a program on a database; returns its process when it serves. The scope ends it. */
export const start = Effect.fnUntraced(function* (
  { args, name, path }: Program,
  database: Redacted.Redacted<string>
) {
  const process_ = yield* ChildProcess.make(process.execPath, [path, ...args], {
    env: { DATABASE_URL: database },
    extendEnv: true,
    stderr: "inherit"
  }).pipe(Effect.orDie)
  const url = yield* process_.stdout.pipe(
    Stream.decodeText,
    Stream.splitLines,
    Stream.map((line) => /http:\/\/[\w.:[\]-]+:\d+/.exec(line)?.[0]),
    Stream.filter((found) => found !== undefined),
    Stream.runHead,
    Effect.orDie,
    Effect.flatMap(Effect.fromOption),
    Effect.mapError(() => new NotServing({ name }))
  )
  return { process: process_, url }
})
