/**
 * Golden samples of a codec as files beside its code: written once, from generated events, and kept
 * for ever.
 *
 * Each version has a file, such as `ItemAdded.v2.json`, with the stored event and the events of
 * today that it means. Never edit `stored`. When the events get another shape, edit `means`, which
 * states the current meaning of the stored event.
 *
 * **Example** (A script that writes what is missing, and a test file)
 *
 * ```ts test
 * import * as EventCodec from "@daybook/kernel/EventCodec"
 * import * as CodecLaws from "@daybook/testing/laws/CodecLaws"
 * import * as GoldenSamples from "@daybook/testing/GoldenSamples"
 * import * as LawSuite from "@daybook/testing/LawSuite"
 * import * as SchemaLockFile from "@daybook/testing/SchemaLockFile"
 * import { Effect, Schema } from "effect"
 *
 * const minor = Schema.Int.check(Schema.isGreaterThan(0))
 * const events = Schema.TaggedUnion({ Sold: { minor, to: Schema.String } })
 * const codec = EventCodec.make({ name: "till", events })
 *
 * const samples = new URL("samples/", import.meta.url)
 * const lock = new URL("sales.lock.json", import.meta.url)
 *
 * // In a script, when a version is new: look at what it wrote before you keep it.
 * await Effect.runPromise(GoldenSamples.write(codec, samples))
 * await Effect.runPromise(SchemaLockFile.write(codec, lock))
 *
 * // In the tests.
 * LawSuite.suite(
 *   "the codec of a till",
 *   CodecLaws.laws(codec, { samples: Effect.runSync(GoldenSamples.read(codec, samples)), lock })
 * )
 * ```
 *
 * @since 0.1.0
 */
import { type EncodedEvent, type EventCodec, problemOf } from "@daybook/kernel/EventCodec"
import * as Arbitrary from "effect/Arbitrary"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { fileURLToPath } from "node:url"
import type { Sample } from "./laws/CodecLaws.ts"
import { encodeVersion } from "./internal/encodeVersion.ts"
import { stored as throughText } from "./internal/roundTrip.ts"

/**
 * A sample can't be generated, read or written, or its `means` does not fit the events of today.
 *
 * @category errors
 * @since 0.1.0
 */
export class GoldenSampleError extends Data.TaggedError("GoldenSampleError")<{
  readonly file: string
  readonly cause: unknown
}> {
  override get message() {
    const cause = this.cause instanceof Error ? this.cause.message : String(this.cause)
    return `${this.file}: ${cause}`
  }
}

/**
 * The sample is the largest of `DRAWN` generated events whose text has at most `MAX_TEXT`
 * characters, so that people can read it.
 */
const DRAWN = 50
const MAX_TEXT = 2_000

/** The mode of source code that is committed: readable by all, writable by its user. */
const SOURCE = 0o644

const File = Schema.Struct({
  stored: Schema.Struct({
    type: Schema.String,
    schemaVersion: Schema.Int,
    data: Schema.Json
  }),
  means: Schema.Array(Schema.Json)
})

const decodeFile = Schema.decodeUnknownEffect(Schema.fromJsonString(File))

/**
 * Writes a sample of each version that has no file in the folder, and returns the names of the new
 * files. Creates the folder if it is missing.
 *
 * **Details**
 * Existing files stay as they are. `seed`: 1 by default; the same seed gives the same samples.
 *
 * @category operations
 * @since 0.1.0
 */
export const write = Effect.fnUntraced(function* <Event>(
  codec: EventCodec<Event>,
  folder: string | URL,
  { seed = 1 }: { readonly seed?: number } = {}
): Effect.fn.Return<ReadonlyArray<string>, GoldenSampleError> {
  const path = pathOf(folder)
  const encodeEvent = Schema.encodeUnknownEffect(Schema.toCodecJson(codec.events))
  yield* attempt(path, () => Fs.mkdirSync(path, { recursive: true }))
  const written: Array<string> = []
  for (const version of codec.versions) {
    const name = `${encodeURIComponent(version.names[0])}.v${version.schemaVersion}.json`
    const file = Path.join(path, name)
    if (yield* attempt(file, () => Fs.existsSync(file))) continue
    const text = yield* Effect.gen(function* () {
      const drawn = yield* Arbitrary.sampleEffect(Arbitrary.schema(Schema.toType(version.schema)), {
        count: DRAWN,
        seed
      })
      const encode = encodeVersion(version)
      const stored = richest(drawn.map((value) => encode(version.names[0], value)))
      const means = yield* Effect.fromResult(
        Result.mapError(codec.decode(throughText(stored)), problemOf)
      )
      const encoded = yield* Effect.forEach(means, (event) => encodeEvent(event))
      return `${JSON.stringify({ stored, means: encoded }, undefined, 2)}\n`
    }).pipe(Effect.mapError((cause) => new GoldenSampleError({ file, cause })))
    yield* attempt(file, () => Fs.writeFileSync(file, text, { flag: "wx", mode: SOURCE }))
    written.push(name)
  }
  return written
})

/**
 * Reads the samples of the folder for `CodecLaws.laws`, in the order of their names.
 *
 * @category operations
 * @since 0.1.0
 */
export const read = Effect.fnUntraced(function* <Event>(
  codec: EventCodec<Event>,
  folder: string | URL
): Effect.fn.Return<ReadonlyArray<Sample<Event>>, GoldenSampleError> {
  const path = pathOf(folder)
  const decodeEvents = Schema.decodeUnknownEffect(Schema.toCodecJson(Schema.Array(codec.events)))
  const names = yield* attempt(path, () => Fs.readdirSync(path))
  return yield* Effect.forEach(
    names.filter((name) => name.endsWith(".json")).toSorted(),
    (name) => {
      const file = Path.join(path, name)
      return Effect.gen(function* () {
        const text = yield* attempt(file, () => Fs.readFileSync(file, "utf8"))
        const { means, stored } = yield* decodeFile(text)
        return { stored, means: yield* decodeEvents(means) }
      }).pipe(
        Effect.mapError((cause) =>
          cause instanceof GoldenSampleError ? cause : new GoldenSampleError({ file, cause })
        )
      )
    }
  )
})

/** Returns the largest event whose text is short enough, or else the smallest event. */
const richest = (drawn: ReadonlyArray<EncodedEvent>): EncodedEvent => {
  const bySize = drawn
    .map((event) => ({ event, size: JSON.stringify(event).length }))
    .toSorted((a, b) => a.size - b.size)
  // At least one event is drawn.
  const chosen = bySize.findLast(({ size }) => size <= MAX_TEXT) ?? bySize[0]
  if (chosen === undefined) throw new Error("nothing was drawn")
  return chosen.event
}

const pathOf = (folder: string | URL): string =>
  typeof folder === "string" ? folder : fileURLToPath(folder)

const attempt = <A>(file: string, run: () => A): Effect.Effect<A, GoldenSampleError> =>
  Effect.try({ try: run, catch: (cause) => new GoldenSampleError({ file, cause }) })
