/**
 * What a codec makes of stored data: of every schema version it knows, in the forms that the data may
 * have in a log.
 */
import type { EventCodec } from "@daybook/kernel/EventCodec"
import * as EventId from "@daybook/kernel/EventId"
import * as Position from "@daybook/kernel/Position"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as Revision from "@daybook/kernel/Revision"
import { StreamId } from "@daybook/kernel/StreamId"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { lineOf } from "../start/lineOf.ts"
import * as Corpus from "./corpus.ts"
import { withoutOptional } from "./withoutOptional.ts"

/** How many stored samples of each schema version are decoded. */
const SAMPLES = 16

/** What every schema version stands for today, and what becomes of other data, a line for each sample. */
export const decodings = Effect.fnUntraced(function* <Event>(codec: EventCodec<Event>) {
  const lines: Array<string> = []
  const tell = (type: string, schemaVersion: number, data: unknown) => {
    // A function that is handed what can't be decoded may count on something that only real data has.
    const events = Result.try(() =>
      Result.flatMap(codec.decode(recorded(type, schemaVersion, data)), (all) =>
        Result.all(all.map(codec.encode))
      )
    )
    const line = lineOf(Result.flatMap(events, identity))
    lines.push(`${type} ${schemaVersion} ${line}`)
  }
  for (const { names, schema, schemaVersion } of codec.versions) {
    const samples = yield* stored(schema, `${names[0]} version ${schemaVersion}`)
    for (const name of names) for (const data of samples) tell(name, schemaVersion, data)
  }
  // A codec may have an answer of its own to what it can't decode, see `orElse`.
  for (const type of new Set([...codec.types, UNKNOWN])) {
    const versions = codec.versions.filter(({ names }) => names.includes(type))
    const newest = Math.max(0, ...versions.map(({ schemaVersion }) => schemaVersion))
    for (const data of UNEXPECTED) tell(type, newest + 1, data)
  }
  // Versions are listed in the order of the source.
  return lines.toSorted()
})

/** Data that may be stored under a schema: right, from before some fields, and wrong. */
const stored = Effect.fnUntraced(function* (schema: Schema.Codec<unknown, unknown>, what: string) {
  const draw = yield* Corpus.makeDraw({ edges: true })
  const json = Schema.toCodecJson(schema)
  const generate = yield* Corpus.generator(schema, what)
  const encode = Schema.encodeUnknownResult(json)
  const { ast } = Schema.toEncoded(json)
  const samples: Array<unknown> = []
  for (let sample = 0; sample < SAMPLES; sample++) {
    const encoded = encode(generate(draw))
    if (Result.isFailure(encoded)) continue
    const data = encoded.success
    // What is encoded has every field that has a default, and events from before that field lack it.
    samples.push(
      data,
      withoutOptional(ast, data, () => true),
      withoutOptional(ast, data, () => draw(2) === 0)
    )
  }
  // A function that is handed such data may look at what is right in it.
  const [whole] = samples.filter(Predicate.isObject)
  for (const key of Object.keys(whole ?? {})) samples.push({ ...whole, [key]: null })
  return [...UNEXPECTED, ...samples]
})

/** A type that no codec should know: who stores events under it decodes them here. */
const UNKNOWN = "daybook.unknown"

/** Data that hardly any schema accepts. */
const UNEXPECTED: ReadonlyArray<unknown> = [null, {}, { unexpected: 1 }]

const at = DateTime.makeUnsafe(0)

/** An event as a codec gets it from a log. */
const recorded = (type: string, schemaVersion: number, data: unknown): RecordedEvent => ({
  id: EventId.make("00000000-0000-4000-8000-000000000000"),
  type,
  schemaVersion,
  // A JSON codec wrote it, or it stands above.
  data: data as Schema.Json,
  metadata: {},
  occurredAt: at,
  streamId: StreamId.make("corpus-1"),
  revision: Revision.make(1),
  position: Position.make(1n),
  recordedAt: at
})
