/**
 * Events in the formats of the output.
 */
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as DateTime from "effect/DateTime"
import type * as Schema from "effect/Schema"
import type { Listing } from "./listing.ts"

/** Returns the JSON form of a recorded event, with its position as text: it may be past 2^53. */
export const toJson = (event: RecordedEvent) => ({
  position: String(event.position),
  streamId: event.streamId as string,
  revision: event.revision as number,
  id: event.id as string,
  type: event.type,
  schemaVersion: event.schemaVersion,
  occurredAt: DateTime.formatIso(event.occurredAt),
  recordedAt: DateTime.formatIso(event.recordedAt),
  data: event.data,
  // Its fields are JSON by their schema.
  metadata: event.metadata as Schema.JsonObject
})

const position = {
  title: "position",
  align: "right",
  of: (event: RecordedEvent) => String(event.position)
} as const

const stream = { title: "stream", of: (event: RecordedEvent) => event.streamId as string } as const

const rest = [
  {
    title: "revision",
    align: "right",
    of: (event: RecordedEvent) => String(event.revision)
  },
  {
    title: "occurred at             ",
    of: (event: RecordedEvent) => DateTime.formatIso(event.occurredAt)
  },
  {
    title: "type            ",
    of: (event: RecordedEvent) =>
      event.schemaVersion === 1 ? event.type : `${event.type} v${event.schemaVersion}`
  },
  { title: "data", of: (event: RecordedEvent) => JSON.stringify(event.data) }
] as const

/** Events of several streams. */
export const ofLog: Listing<RecordedEvent> = {
  columns: [position, stream, ...rest],
  id: ({ id }) => id,
  json: toJson
}

/** Events of one stream. */
export const ofStream: Listing<RecordedEvent> = {
  columns: [...rest.slice(0, 1), position, ...rest.slice(1)],
  id: ({ id }) => id,
  json: toJson
}
