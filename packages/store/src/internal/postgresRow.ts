/**
 * Between rows of PostgreSQL and events.
 */
import type { EventId } from "@daybook/kernel/EventId"
import type { EventMetadata } from "@daybook/kernel/EventMetadata"
import type { Position } from "@daybook/kernel/Position"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import type { Revision } from "@daybook/kernel/Revision"
import type { StreamId } from "@daybook/kernel/StreamId"
import * as DateTime from "effect/DateTime"
import type * as Schema from "effect/Schema"
import type { EventAddress } from "../EventStore.ts"

/** A row of `events`, as the client decodes it. */
export interface EventRow {
  readonly position: bigint
  readonly occurred_at: Date
  readonly recorded_at: Date
  readonly event_id: string
  readonly revision: number
  readonly schema_version: number
  readonly stream_id: string
  readonly type: string
  readonly data: Schema.Json
  readonly metadata: EventMetadata
}

/** The columns of a row by name: with `*`, a column more would break the plans of running hosts. */
export const COLUMNS =
  "position, occurred_at, recorded_at, event_id, revision, schema_version, stream_id, type, data, metadata"

/** The address of the event of a row; the casts trust what `append` checked. */
export const eventAddress = (
  row: Pick<EventRow, "event_id" | "stream_id" | "revision">
): EventAddress => ({
  eventId: row.event_id as EventId,
  streamId: row.stream_id as StreamId,
  revision: row.revision as Revision
})

/**
 * The event of a row.
 *
 * The casts trust what `append` checked before it wrote; a check of every row that is read would cost
 * more than the reading.
 */
export const recordedEvent = (row: EventRow): RecordedEvent => ({
  id: row.event_id as EventId,
  type: row.type,
  schemaVersion: row.schema_version,
  data: row.data,
  metadata: row.metadata,
  occurredAt: DateTime.makeUnsafe(row.occurred_at),
  streamId: row.stream_id as StreamId,
  revision: row.revision as Revision,
  position: row.position as Position,
  recordedAt: DateTime.makeUnsafe(row.recorded_at)
})
