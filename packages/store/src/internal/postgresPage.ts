/**
 * A page of events in PostgreSQL: so many rows, and of those the events that are not too large for it.
 */
import type { EventId } from "@daybook/kernel/EventId"
import type { EventMetadata } from "@daybook/kernel/EventMetadata"
import type { Position } from "@daybook/kernel/Position"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import type { Revision } from "@daybook/kernel/Revision"
import type { StreamId } from "@daybook/kernel/StreamId"
import * as DateTime from "effect/DateTime"
import type * as Schema from "effect/Schema"
import { COLUMNS } from "./postgresRow.ts"

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
  /** Both NULL when the event has more bytes than the page allows for one. */
  data: Schema.Json,
  metadata: EventMetadata | null,
  /** Of which stream, unless all rows are of one. */
  streamId?: string
]

/** The columns of {@link PageRow} but for the stream's, of {@link SIZED_COLUMNS} and what an event has at `most`. */
export const PAGE_COLUMNS = `position, occurred_at, recorded_at, event_id, revision, schema_version, type, bytes,
  CASE WHEN bytes <= most THEN data END AS data,
  CASE WHEN bytes <= most THEN metadata END AS metadata`

// What is stored as it came has its size in its first bytes. What is compressed has there what is left of
// it, and must be unpacked to be measured; it will be for the reader too, and small events never are.
const bytesOf = (column: string) =>
  `CASE WHEN pg_catalog.pg_column_compression(${column}) IS NULL THEN pg_catalog.pg_column_size(${column})
    ELSE octet_length(${column}::text) END`

/** A row of `events` and the bytes of its JSON. */
export const SIZED_COLUMNS = `${COLUMNS}, ${bytesOf("data")} + ${bytesOf("metadata")} AS bytes`

/** What a page held. */
export interface EventPage {
  readonly events: ReadonlyArray<RecordedEvent>
  /** Whether it ends before its last row was found, or before one whose event is too large for it. */
  readonly cut: boolean
  /** The bytes of the largest event in it, or of the one that it ends before. */
  readonly largest: number
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
    const bytes = row[7]
    const metadata = row[9]
    if (metadata === null) return { events, cut: true, largest: bytes }
    if (bytes > largest) largest = bytes
    // Neighbours tend to have been recorded together, and the same instant needs no second value.
    occurredAt = instant(row[1], occurredAt)
    recordedAt = instant(row[2], recordedAt)
    events.push({
      ...blank,
      id: row[3] as EventId,
      type: row[6],
      schemaVersion: row[5],
      data: row[8],
      metadata,
      occurredAt,
      streamId: streamId ?? (row[10] as StreamId),
      revision: row[4] as Revision,
      position: row[0] as Position,
      recordedAt
    })
  }
  return { events, cut: false, largest }
}

const instant = (date: Date, before: DateTime.Utc | undefined): DateTime.Utc =>
  before !== undefined && before.epochMilliseconds === date.getTime()
    ? before
    : DateTime.makeUnsafe(date)
