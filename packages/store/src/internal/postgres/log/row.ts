/**
 * Converts rows of PostgreSQL to events.
 */
import type { EventId } from "@daybook/kernel/EventId"
import type { EventMetadata } from "@daybook/kernel/EventMetadata"
import * as PassedOver from "@daybook/kernel/PassedOver"
import type { Position } from "@daybook/kernel/Position"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import type { Revision } from "@daybook/kernel/Revision"
import type { StreamId } from "@daybook/kernel/StreamId"
import * as DateTime from "effect/DateTime"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import { type EventAddress, UnreadableEvent } from "../../../EventStore.ts"
import type { SchemaName } from "../../../PostgresSchema.ts"

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
  readonly metadata: Schema.Json
  readonly is_passed_over: boolean | null
}

/**
 * The columns of a row by name: with `*`, a further column would break the plans of running hosts.
 */
export const COLUMNS =
  "position, occurred_at, recorded_at, event_id, revision, schema_version, stream_id, type, data, metadata"

/**
 * SQL that is true for a row with a position that readers pass over.
 *
 * It uses an array, which the server makes once for a statement and which does not change its
 * estimates: the plans must be the same as for a log that passes over nothing.
 */
export const isPassedOver = (schema: SchemaName): string =>
  `position = ANY (ARRAY(SELECT o.position FROM "${schema}".passed_over o))`

/** Returns an issue unless the metadata is an object: readers take fields from it. */
export const metadataIssue = (metadata: unknown): string | undefined =>
  Predicate.isObject(metadata) ? undefined : "its metadata is not an object"

/** Returns the address of a row's event; the casts trust the checks of `append`. */
export const eventAddress = (
  row: Pick<EventRow, "event_id" | "stream_id" | "revision">
): EventAddress => ({
  eventId: row.event_id as EventId,
  streamId: row.stream_id as StreamId,
  revision: row.revision as Revision
})

/**
 * Builds the event of a row, or fails if the row is not an event.
 *
 * The casts trust the checks of `append`; checking every row that is read would cost more than the
 * reading.
 */
export const recordedEvent = (row: EventRow): Result.Result<RecordedEvent, UnreadableEvent> => {
  const isPassed = row.is_passed_over === true
  const issue = isPassed ? undefined : metadataIssue(row.metadata)
  return issue === undefined
    ? Result.succeed({
        id: row.event_id as EventId,
        type: isPassed ? PassedOver.TYPE : row.type,
        schemaVersion: isPassed ? 1 : row.schema_version,
        data: isPassed ? {} : row.data,
        metadata: isPassed ? {} : (row.metadata as EventMetadata),
        occurredAt: DateTime.makeUnsafe(row.occurred_at),
        streamId: row.stream_id as StreamId,
        revision: row.revision as Revision,
        position: row.position as Position,
        recordedAt: DateTime.makeUnsafe(row.recorded_at)
      })
    : Result.fail(
        new UnreadableEvent({
          position: row.position,
          eventId: row.event_id,
          streamId: row.stream_id,
          revision: row.revision,
          issue
        })
      )
}
