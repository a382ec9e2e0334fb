/**
 * Sends an event through its stored form, as JSON text, and back.
 */
import { type EncodedEvent, type EventCodec, problemOf } from "@daybook/kernel/EventCodec"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { diff, same } from "./differences.ts"
import { unkeptIssue } from "./unkept.ts"

/** Returns an event as a store returns it after storing it as JSON text. */
export const stored = ({ data, schemaVersion, type }: EncodedEvent): EncodedEvent => ({
  type,
  schemaVersion,
  data: Schema.decodeUnknownSync(Schema.fromJsonString(Schema.Json))(JSON.stringify(data))
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
  if (Result.isFailure(decoded)) return problemOf(decoded.failure)
  return same(decoded.success, [event])
    ? unkeptIssue(encoded.success.data)
    : `the event comes back otherwise:\n${diff([event], decoded.success)}`
}
