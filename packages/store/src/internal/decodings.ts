/**
 * What a codec makes of stored data: of every schema version it knows, in the forms that the data may
 * have in a log.
 */
import type { EventCodec, StoredVersion } from "@daybook/kernel/EventCodec"
import * as EventId from "@daybook/kernel/EventId"
import * as Position from "@daybook/kernel/Position"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as Revision from "@daybook/kernel/Revision"
import { StreamId } from "@daybook/kernel/StreamId"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { lineOf } from "./lineOf.ts"
import * as Corpus from "./corpus.ts"
import { withoutOptional } from "./withoutOptional.ts"

/** How many stored samples of each schema version are decoded. */
const SAMPLES = 16

/** What every schema version stands for today, a line for each sample. */
export const decodings = Effect.fnUntraced(function* <Event>(codec: EventCodec<Event>) {
  const lines: Array<string> = []
  for (const version of codec.versions) {
    const draw = yield* Corpus.makeDraw
    const json = Schema.toCodecJson(version.schema)
    const generate = yield* Corpus.generator(version.schema)
    const encode = Schema.encodeUnknownResult(json)
    const stored = Schema.toEncoded(json).ast
    const tell = (data: Result.Result<unknown, unknown>) => {
      const events = Result.flatMap(data, (it) => codec.decode(recorded(version, it)))
      const line = lineOf(Result.flatMap(events, (all) => Result.all(all.map(codec.encode))))
      lines.push(`${version.names[0]} ${version.schemaVersion} ${line}`)
    }
    for (let sample = 0; sample < SAMPLES; sample++) {
      const data = encode(generate(draw))
      tell(data)
      // What is encoded has every field that has a default, and events from before that field lack it.
      tell(Result.map(data, (whole) => withoutOptional(stored, whole, () => true)))
      tell(Result.map(data, (whole) => withoutOptional(stored, whole, () => draw(2) === 0)))
    }
  }
  // Versions are listed in the order of the source.
  return lines.toSorted()
})

const at = DateTime.makeUnsafe(0)

/** An event of that version, as a codec gets it from a log. */
const recorded = ({ names, schemaVersion }: StoredVersion, data: unknown): RecordedEvent => ({
  id: EventId.make("00000000-0000-4000-8000-000000000000"),
  type: names[0],
  schemaVersion,
  // The JSON codec of the version's schema wrote it.
  data: data as Schema.Json,
  metadata: {},
  occurredAt: at,
  streamId: StreamId.make("corpus-1"),
  revision: Revision.make(1),
  position: Position.make(1n),
  recordedAt: at
})
