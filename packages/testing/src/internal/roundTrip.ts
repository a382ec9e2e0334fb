/**
 * Sends an event through its stored form, as JSON text, and back.
 */
import type { EncodedEvent, EventCodec } from "@daybook/kernel/EventCodec"
import * as EventId from "@daybook/kernel/EventId"
import * as Position from "@daybook/kernel/Position"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as Revision from "@daybook/kernel/Revision"
import * as StreamId from "@daybook/kernel/StreamId"
import * as DateTime from "effect/DateTime"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { diff, same } from "./differences.ts"
import { unkeptIssue } from "./unkept.ts"

/** Builds the recorded event that a store returns after storing an event as JSON text. */
export const stored = ({ data, schemaVersion, type }: EncodedEvent): RecordedEvent => ({
  id: EventId.make("00000000-0000-4000-8000-000000000001"),
  type,
  schemaVersion,
  data: Schema.decodeUnknownSync(Schema.fromJsonString(Schema.Json))(JSON.stringify(data)),
  metadata: {},
  occurredAt: DateTime.makeUnsafe(0),
  recordedAt: DateTime.makeUnsafe(0),
  streamId: StreamId.StreamId.make("law-1"),
  revision: Revision.make(1),
  position: Position.make(1n)
})

/**
 * Describes the loss of an event on its way into JSON text and back; `undefined` if it comes back
 * unchanged and can be stored.
 */
export const roundTripProblem = <Event>(
  codec: EventCodec<Event>,
  event: Event
): string | undefined => {
  const encoded = codec.encode(event)
  if (Result.isFailure(encoded)) return encoded.failure.message
  const decoded = codec.decode(stored(encoded.success))
  if (Result.isFailure(decoded)) return decoded.failure.message
  return same(decoded.success, [event])
    ? unkeptIssue(encoded.success.data)
    : `the event comes back otherwise:\n${diff([event], decoded.success)}`
}
