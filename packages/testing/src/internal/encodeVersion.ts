/**
 * Encodes events in the form of one of their stored versions.
 */
import type { EncodedEvent, EventCodec } from "@daybook/kernel/EventCodec"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"

type Version = EventCodec<unknown>["versions"][number]

/** Builds the function that encodes a value of the version's schema under one of its names. */
export const encodeVersion = ({ schema, schemaVersion }: Version) => {
  const encode = Schema.encodeUnknownSync(Schema.toCodecJson(schema))
  return (type: string, value: unknown): EncodedEvent => ({
    type,
    schemaVersion,
    data: withoutTag(encode(value))
  })
}

/** Removes the tag of an event, which is stored as its type beside the data. */
const withoutTag = (data: Schema.Json): Schema.Json => {
  if (!Predicate.isObject(data)) return data
  const { _tag: _, ...rest } = data as Record<string, Schema.Json>
  return rest
}
