/**
 * A page of events in PostgreSQL: so many rows, and of those the events that are not too large for it.
 */
import type { EventId } from "@daybook/kernel/EventId"
import type { EventMetadata } from "@daybook/kernel/EventMetadata"
import * as PassedOver from "@daybook/kernel/PassedOver"
import type { Position } from "@daybook/kernel/Position"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import type { Revision } from "@daybook/kernel/Revision"
import type { StreamId } from "@daybook/kernel/StreamId"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import type { SchemaName } from "../../../PostgresSchema.ts"
import { UnreadableEvent } from "../../../UnreadableEvent.ts"
import type { PageSize } from "../../driver/pageSize.ts"
import { COLUMNS, isPassedOver, metadataIssue } from "./row.ts"

/** A row by place: with names the client would build an object of each, only for it to be taken apart. */
export type PageRow = readonly [
  position: bigint,
  occurredAt: Date,
  recordedAt: Date,
  id: string,
  revision: number,
  schemaVersion: number,
  type: string,
  bytes: number,
  /** Computed from other columns than those of the event: nothing that is stored can be taken for one of them. */
  shown: typeof WHOLE | typeof CUT | typeof PASSED_OVER,
  /** NULL unless the row is shown whole. */
  data: Schema.Json,
  metadata: Schema.Json,
  /** Of which stream, unless all rows are of one. */
  streamId?: string
]

/** The row has its data and metadata. */
const WHOLE = 0
/** They have more bytes than the page allows for one event. */
const CUT = 1
/** Readers pass over the event. */
const PASSED_OVER = 2

/** The columns of {@link PageRow} but for the stream's, of {@link sizedColumns} and what an event has at `most`. */
export const PAGE_COLUMNS = `position, occurred_at, recorded_at, event_id, revision, schema_version, type, bytes,
  CASE WHEN is_passed_over THEN ${PASSED_OVER} WHEN bytes > most THEN ${CUT} ELSE ${WHOLE} END AS shown,
  CASE WHEN NOT is_passed_over AND bytes <= most THEN data END AS data,
  CASE WHEN NOT is_passed_over AND bytes <= most THEN metadata END AS metadata`

// What is stored as it came has its size in its first bytes. What is compressed has there what is left of
// it, and must be unpacked to be measured; it will be for the reader too, and small events never are.
const bytesOf = (column: string) =>
  `CASE WHEN pg_catalog.pg_column_compression(${column}) IS NULL THEN pg_catalog.pg_column_size(${column})
    ELSE octet_length(${column}::text) END`

/** A row of `events`, the bytes of its JSON, and whether readers pass over it. */
export const sizedColumns = (schema: SchemaName): string =>
  `${COLUMNS}, ${bytesOf("data")} + ${bytesOf("metadata")} AS bytes,
  ${isPassedOver(schema)} AS is_passed_over`

/** What a page held. */
export interface EventPage {
  readonly events: ReadonlyArray<RecordedEvent>
  /** Whether it ends before its last row was found, or before a row that it does not give. */
  readonly cut: boolean
  /** The row that it begins with and does not give; then it has no events. */
  readonly stuck?: Stuck | undefined
  /** The bytes of the largest event in it, or of the one that it ends before. */
  readonly largest: number
}

/** A row that a page can't give: for its size, unless there is another issue. */
interface Stuck {
  readonly row: PageRow
  readonly streamId: string
  readonly issue: string | undefined
}

/**
 * The same page, unless reading can't go on at its first row: the row is no event, or it is cut from a page that has room for it. A
 * reader that asked once more would ask for ever.
 */
export const advancing = (
  page: EventPage,
  asked: PageSize
): Effect.Effect<EventPage, UnreadableEvent> => {
  const { stuck } = page
  if (stuck === undefined) return Effect.succeed(page)
  const { row, streamId } = stuck
  const bytes = row[7]
  // The event is larger than the page that was asked for allows, and fits in the next.
  if (stuck.issue === undefined && bytes > asked.largest) return Effect.succeed(page)
  return Effect.fail(
    new UnreadableEvent({
      position: row[0],
      eventId: row[3],
      streamId,
      revision: row[4],
      issue: stuck.issue ?? `it is cut from a page that has room for its ${bytes} bytes`
    })
  )
}

/**
 * What every event of a page is a copy of, with the fields in place; a field that is not set is none of an event.
 *
 * Of literals that outlive a collection or two V8 learns to make them in the old generation, where a page that nobody reads any
 * more would stay, with its data, until that is collected too; of copies it does not.
 */
const blank: { readonly [Field in keyof RecordedEvent]: undefined } = {
  id: undefined,
  type: undefined,
  schemaVersion: undefined,
  data: undefined,
  metadata: undefined,
  occurredAt: undefined,
  streamId: undefined,
  revision: undefined,
  position: undefined,
  recordedAt: undefined
}

/**
 * The events of rows, up to the first that is too large; `streamId`: of which stream they all are, where
 * the rows don't say it.
 *
 * The casts trust what `append` checked before it wrote; a check of every row that is read would cost
 * more than the reading.
 */
export const eventPage = (rows: ReadonlyArray<PageRow>, streamId?: StreamId): EventPage => {
  const events: Array<RecordedEvent> = []
  let largest = 0
  let occurredAt: DateTime.Utc | undefined
  let recordedAt: DateTime.Utc | undefined
  for (const row of rows) {
    const [position, occurred, recorded, id, revision, schemaVersion, type, bytes, shown] = row
    // What follows the columns of an event, where they do not all have one stream.
    const stream = streamId ?? (row[11] as StreamId)
    const isPassed = shown === PASSED_OVER
    const issue = shown === WHOLE ? metadataIssue(row[10]) : undefined
    if (shown === CUT || issue !== undefined) {
      const stuck = events.length === 0 ? { row, streamId: stream, issue } : undefined
      return { events, cut: true, stuck, largest: issue === undefined ? bytes : largest }
    }
    if (!isPassed && bytes > largest) largest = bytes
    // Neighbours tend to have been recorded together, and the same instant needs no second value.
    occurredAt = instant(occurred, occurredAt)
    recordedAt = instant(recorded, recordedAt)
    events.push({
      ...blank,
      id: id as EventId,
      type: isPassed ? PassedOver.TYPE : type,
      schemaVersion: isPassed ? 1 : schemaVersion,
      data: isPassed ? {} : row[9],
      metadata: isPassed ? {} : (row[10] as EventMetadata),
      occurredAt,
      streamId: stream,
      revision: revision as Revision,
      position: position as Position,
      recordedAt
    })
  }
  return { events, cut: false, largest }
}

const instant = (date: Date, before: DateTime.Utc | undefined): DateTime.Utc =>
  before !== undefined && before.epochMilliseconds === date.getTime()
    ? before
    : DateTime.makeUnsafe(date)
