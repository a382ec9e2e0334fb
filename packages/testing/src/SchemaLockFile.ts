/**
 * The lock of a codec as a file beside its code: checked by a test, written by a script.
 *
 * **Example** (A test file of a codec)
 *
 * ```ts test
 * import * as EventCodec from "@daybook/kernel/EventCodec"
 * import * as LawSuite from "@daybook/testing/LawSuite"
 * import * as SchemaLockFile from "@daybook/testing/SchemaLockFile"
 * import { Effect, Schema } from "effect"
 *
 * const events = Schema.TaggedUnion({ Sold: { minor: Schema.Int } })
 * const codec = EventCodec.make({ name: "till", events })
 *
 * const file = new URL("events.lock.json", import.meta.url)
 * await Effect.runPromise(SchemaLockFile.write(codec, file)) // in a script, when a version is new
 *
 * LawSuite.suite("the codec of a till", [SchemaLockFile.law(codec, file)]) // in the tests
 * ```
 *
 * @since 0.1.0
 */
import type { EventCodec } from "@daybook/kernel/EventCodec"
import * as SchemaLock from "@daybook/kernel/SchemaLock"
import { rootMessage } from "@daybook/store/RootMessage"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Fs from "node:fs/promises"
import * as Law from "./Law.ts"

/**
 * The file of a lock can't be read or written, or does not hold a lock.
 *
 * @category errors
 * @since 0.1.0
 */
export class LockFileError extends Data.TaggedError("LockFileError")<{
  readonly file: string
  readonly cause: unknown
}> {
  override get message() {
    const cause = rootMessage(this.cause)
    return `${this.file}: ${cause}`
  }
}

/**
 * The law that the codec agrees with its lock file, which `CodecLaws.laws` includes. Its failure
 * lists each change by event and version, with the remedy.
 *
 * @category laws
 * @since 0.1.0
 */
export const law = <Event>(codec: EventCodec<Event>, file: string | URL): Law.Law =>
  Law.fromEffect("the codec stores events as its lock says", verify(codec, file))

/**
 * Compares the codec with its lock file.
 *
 * **Details**
 * Errors: `SchemaLockBroken` with every difference, new versions included, because a lock that
 * lacks a version does not protect it.
 *
 * @category operations
 * @since 0.1.0
 */
export const verify = Effect.fnUntraced(function* <Event>(
  codec: EventCodec<Event>,
  file: string | URL
): Effect.fn.Return<void, SchemaLock.SchemaLockBroken | LockFileError> {
  const locked = yield* read(file)
  const differences = SchemaLock.compare(locked, SchemaLock.describe(codec))
  if (differences.length > 0) {
    return yield* new SchemaLock.SchemaLockBroken({ codec: codec.name, differences })
  }
})

/**
 * Adds the versions that the lock file lacks, and returns them. Creates the file if it is missing.
 *
 * **Details**
 * Errors: `SchemaLockBroken`, a released version changed or is gone; the file stays as it is.
 *
 * @category operations
 * @since 0.1.0
 */
export const write = Effect.fnUntraced(function* <Event>(
  codec: EventCodec<Event>,
  file: string | URL
): Effect.fn.Return<
  ReadonlyArray<SchemaLock.Difference>,
  SchemaLock.SchemaLockBroken | LockFileError
> {
  const current = SchemaLock.describe(codec)
  const locked = yield* Effect.catchIf(read(file), isMissing, () =>
    Effect.succeed<SchemaLock.SchemaLock>({ codec: codec.name, events: {} })
  )
  const extended = yield* Effect.fromResult(SchemaLock.extend(locked, current))
  yield* attempt(file, () => Fs.writeFile(file, SchemaLock.toText(extended), { mode: SOURCE }))
  return SchemaLock.compare(locked, current)
})

/** The mode of source code that is committed: readable by all, writable by its user. */
const SOURCE = 0o644

const read = (file: string | URL) =>
  Effect.flatMap(
    attempt(file, () => Fs.readFile(file, "utf8")),
    (text) =>
      Effect.fromResult(
        Result.mapError(
          SchemaLock.fromText(text),
          (cause) => new LockFileError({ file: String(file), cause })
        )
      )
  )

const isMissing = (error: LockFileError): boolean =>
  error.cause instanceof Error && "code" in error.cause && error.cause.code === "ENOENT"

const attempt = <A>(file: string | URL, run: () => Promise<A>): Effect.Effect<A, LockFileError> =>
  Effect.tryPromise({
    try: run,
    catch: (cause) => new LockFileError({ file: String(file), cause })
  })
