/**
 * The results of a codec on stored data: of every schema version it knows, in the forms that the
 * data may have in a log.
 */
import type { EventCodec } from "@daybook/kernel/EventCodec"
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { lineOf } from "./canonicalLine.ts"
import * as Corpus from "./corpus.ts"
import { withoutOptional } from "./withoutOptional.ts"

/** The number of stored samples of each schema version that are decoded. */
const SAMPLES = 16

/** Returns a line with the decoded events of each sample, of each schema version and other data. */
export const decodings = Effect.fnUntraced(function* <Event>(codec: EventCodec<Event>) {
  const lines: Array<string> = []
  const add = (type: string, schemaVersion: number, data: Schema.Json) => {
    // The codec's fallback may throw on data that it can't decode, since it may rely on real data.
    const events = Result.try(() =>
      Result.flatMap(codec.decode({ type, schemaVersion, data }), (all) =>
        Result.all(all.map(codec.encode))
      )
    )
    const line = lineOf(Result.flatMap(events, identity))
    lines.push(`${type} ${schemaVersion} ${line}`)
  }
  for (const { names, schema, schemaVersion } of codec.versions) {
    const samples = yield* stored(schema, `${names[0]} version ${schemaVersion}`)
    for (const name of names) for (const data of samples) add(name, schemaVersion, data)
  }
  // A codec may handle data that it can't decode itself, see `orElse`.
  for (const type of new Set([...codec.types, UNKNOWN])) {
    const versions = codec.versions.filter(({ names }) => names.includes(type))
    const newest = Math.max(0, ...versions.map(({ schemaVersion }) => schemaVersion))
    for (const data of UNEXPECTED) add(type, newest + 1, data)
  }
  // Sorted, since the codec lists versions in the order of its source.
  return lines.toSorted()
})

/** Returns data that may be stored under a schema: valid, from before some fields, and invalid. */
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
    // Encoded data has every field with a default, but events from before such a field lack it.
    samples.push(
      data,
      withoutOptional(ast, data, () => true),
      withoutOptional(ast, data, () => draw(2) === 0)
    )
  }
  // The codec's fallback may look at the valid part of such data.
  const [whole] = samples.filter(Predicate.isObject)
  for (const key of Object.keys(whole ?? {})) samples.push({ ...whole, [key]: null })
  // A JSON codec wrote them, or they lack parts of what it wrote.
  return [...UNEXPECTED, ...(samples as ReadonlyArray<Schema.Json>)]
})

/** A type that no codec should know; one that does decodes its events here. */
const UNKNOWN = "daybook.unknown"

/** Data that hardly any schema accepts. */
const UNEXPECTED: ReadonlyArray<Schema.Json> = [null, {}, { unexpected: 1 }]
