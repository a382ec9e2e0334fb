/**
 * The tables of consumer groups, and their rows as values.
 */
import type { EventMark } from "@daybook/kernel/EventMark"
import type { LogId } from "@daybook/kernel/LogId"
import * as Position from "@daybook/kernel/Position"
import type { SchemaName } from "@daybook/store/PostgresSchema"
import * as DateTime from "effect/DateTime"
import type { SqlClient } from "effect/sql/SqlClient"
import type { HeldKey } from "../../HeldKey.ts"
import type { RangeRow } from "../group/assign.ts"

export interface Database {
  readonly sql: SqlClient
  /** Returns the name of a table, quoted, with its schema. */
  readonly table: (name: "groups" | "members" | "ranges" | "held_keys" | "acts") => string
}

export const make = (sql: SqlClient, schema: SchemaName): Database => ({
  sql,
  table: (name) => `"${schema}".${name}`
})

/** Selects a time in milliseconds since 1970. */
export const millis = (time: string) => `(extract(epoch FROM ${time}) * 1000)::double precision`

/** The time of a statement's execution, and not of the start of its transaction. */
export const NOW = "pg_catalog.clock_timestamp()"

export const RANGE = `r.epoch, r.first_slot, r.last_slot, r.owner, ${millis("r.lease_ends")} AS lease_ends,
  r.log, r.position, r.event`

export interface StoredRange {
  readonly epoch: bigint
  readonly first_slot: number
  readonly last_slot: number
  readonly owner: string | null
  readonly lease_ends: number | null
  readonly log: LogId
  readonly position: bigint
  readonly event: EventMark | null
}

export const toRange = (row: StoredRange): RangeRow => ({
  first: row.first_slot,
  last: row.last_slot,
  epoch: Number(row.epoch),
  owner: row.owner ?? undefined,
  leaseEnds: row.lease_ends ?? 0,
  checkpoint: { log: row.log, position: Position.make(row.position), event: row.event }
})

const HELD_REST = `h.key, h.slot, h.state, h.event, h.stream_id, h.type, h.issue, h.attempts,
  ${millis("h.held_at")} AS held_at, h.asked`

export const HELD = `h.position, ${HELD_REST}`

/** For rows as JSON, which has no integers past 2^53. */
export const HELD_IN_JSON = `h.position::text, ${HELD_REST}`

export interface StoredHeld {
  readonly key: string
  readonly slot: number
  readonly state: HeldKey["state"]
  readonly position: bigint
  readonly event: EventMark
  readonly stream_id: string
  readonly type: string
  readonly issue: string
  readonly attempts: number
  readonly held_at: number
  readonly asked: HeldKey["asked"]
}

export const toHeld = ({ held_at, position, stream_id, ...row }: StoredHeld): HeldKey => ({
  ...row,
  streamId: stream_id,
  position: Position.make(position),
  at: DateTime.makeUnsafe(held_at)
})
