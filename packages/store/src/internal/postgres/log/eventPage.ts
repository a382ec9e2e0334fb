/**
 * A page of events in PostgreSQL: a limited number of rows, and of those the events that are not
 * too large for it.
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
import { UnreadableEvent } from "../../../EventStore.ts"
import type { PageSize } from "./pageSize.ts"
import { COLUMNS, isPassedOver, metadataIssue } from "./row.ts"

/**
 * A row by place: with names the client would build an object for each row, only to take it apart.
 */
export type PageRow = readonly [
  position: bigint,
  occurredAt: Date,
  recordedAt: Date,
  id: string,
  revision: number,
  schemaVersion: number,
  type: string,
  bytes: number,
  /**
   * Says if the row is whole, cut or passed over. Computed from columns other than the event's: no
   * stored value can be mistaken for it.
   */
  shown: typeof WHOLE | typeof CUT | typeof PASSED_OVER,
  /** NULL unless the row is shown whole. */
  data: Schema.Json,
  metadata: Schema.Json,
  /** The stream, unless all rows are of one stream. */
  streamId?: string
]

/** The row has its data and metadata. */
const WHOLE = 0
/** The data and metadata have more bytes than the page allows for one event. */
const CUT = 1
/** Readers pass over the event. */
const PASSED_OVER = 2

/**
 * The columns of {@link PageRow} except the stream's, from {@link sizedColumns} and `most`, the
 * most bytes of an event.
 */
export const PAGE_COLUMNS = `position, occurred_at, recorded_at, event_id, revision, schema_version, type, bytes,
  CASE WHEN is_passed_over THEN ${PASSED_OVER} WHEN bytes > most THEN ${CUT} ELSE ${WHOLE} END AS shown,
  CASE WHEN NOT is_passed_over AND bytes <= most THEN data END AS data,
  CASE WHEN NOT is_passed_over AND bytes <= most THEN metadata END AS metadata`

// An uncompressed value has its size in its first bytes. A compressed value has its compressed size
// there, and must be unpacked to be measured; the reader unpacks it too, and small events are never
// compressed.
const bytesOf = (column: string) =>
  `CASE WHEN pg_catalog.pg_column_compression(${column}) IS NULL THEN pg_catalog.pg_column_size(${column})
    ELSE octet_length(${column}::text) END`

/** The columns of a row of `events`, the bytes of its JSON, and whether readers pass over it. */
export const sizedColumns = (schema: SchemaName): string =>
  `${COLUMNS}, ${bytesOf("data")} + ${bytesOf("metadata")} AS bytes,
  ${isPassedOver(schema)} AS is_passed_over`

/** The content of a page. */
export interface EventPage {
  readonly events: ReadonlyArray<RecordedEvent>
  /** True if it ends before its last row was found, or before a row that it does not include. */
  readonly cut: boolean
  /** The row that it begins with but can't include; then it has no events. */
  readonly stuck?: Stuck | undefined
  /** The bytes of the largest event in it, or of the event that it ends before. */
  readonly largest: number
}

/** A row that a page can't include. */
interface Stuck {
  readonly row: PageRow
  readonly streamId: string
  /** The issue of the row; undefined if it is only too large. */
  readonly issue: string | undefined
}

/**
 * Returns the same page, unless reading can't continue at its first row: the row is not an event,
 * or it is cut from a page that has room for it. Asking again would loop for ever.
 */
export const advancing = (
  page: EventPage,
  asked: PageSize
): Effect.Effect<EventPage, UnreadableEvent> => {
  const { stuck } = page
  if (stuck === undefined) return Effect.succeed(page)
  const { row, streamId } = stuck
  const bytes = row[7]
  // The event is larger than this page allows, and fits in the next.
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
 * The object that every event of a page is copied from, with its fields in place.
 *
 * V8 learns to allocate literals that outlive a collection or two in the old generation. There a
 * page that is no longer read, with its data, would stay until that generation is collected; copies
 * are not affected. A field that is not set belongs to no event.
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
 * Builds the events of rows, up to the first that is too large. `streamId`: the stream of all rows,
 * if the rows don't name it.
 *
 * The casts trust the checks of `append`; checking every row that is read would cost more than the
 * reading.
 */
export const eventPage = (rows: ReadonlyArray<PageRow>, streamId?: StreamId): EventPage => {
  const events: Array<RecordedEvent> = []
  let largest = 0
  let occurredAt: DateTime.Utc | undefined
  let recordedAt: DateTime.Utc | undefined
  for (const row of rows) {
    const [position, occurred, recorded, id, revision, schemaVersion, type, bytes, shown] = row
    // The column after those of an event names the stream when the rows are of several streams.
    const stream = streamId ?? (row[11] as StreamId)
    const isPassed = shown === PASSED_OVER
    const issue = shown === WHOLE ? metadataIssue(row[10]) : undefined
    if (shown === CUT || issue !== undefined) {
      const stuck = events.length === 0 ? { row, streamId: stream, issue } : undefined
      return { events, cut: true, stuck, largest: issue === undefined ? bytes : largest }
    }
    if (!isPassed && bytes > largest) largest = bytes
    // Neighbours were often recorded together, and the same instant needs no second value.
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
