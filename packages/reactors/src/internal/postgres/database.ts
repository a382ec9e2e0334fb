/**
 * The tables of consumer groups, and their rows as values.
 */
import type { EventMark } from "@daybook/kernel/EventMark"
import type { LogId } from "@daybook/kernel/LogId"
import * as Position from "@daybook/kernel/Position"
import type { SchemaName } from "@daybook/store/PostgresSchema"
import * as DateTime from "effect/DateTime"
import type { SqlClient } from "effect/sql/SqlClient"
import { includes, type SlotRange } from "../../ConsumerGroup.ts"
import type { HeldKey } from "../../HeldKey.ts"
import type { RangeRow } from "../group/assign.ts"

export interface Database {
  readonly sql: SqlClient
  /** The schema of the log whose record has the acts, if it is in this database. */
  readonly log: SchemaName
  /** Returns the name of a table, quoted, with its schema. */
  readonly table: (
    name: "groups" | "members" | "ranges" | "held_keys" | "waiting_events" | "acts"
  ) => string
  /**
   * Bounds, in SQL, the rest of the transaction, which has locked rows of a group: the server ends
   * a host that stands still in it, as one that is frozen does, and waits for locks.
   */
  readonly bound: string
  /** A `WITH` clause that sets the bound before a statement waits; name `bounds` in `FROM`. */
  readonly bounds: string
}

/**
 * The limits of the bound, in milliseconds: a host that is busy stands still for a moment, and with
 * leases of minutes the other hosts are not to wait for minutes.
 */
const [LEAST, MOST] = [1_000, 10_000]

export const make = (
  sql: SqlClient,
  {
    lease,
    log,
    schema
  }: {
    readonly schema: SchemaName
    readonly log: SchemaName
    /** The length of a lease, in milliseconds. */
    readonly lease: number
  }
): Database => {
  const millis = Math.ceil(Math.min(Math.max(lease, LEAST), MOST))
  const bound = ["idle_in_transaction_session_timeout", "lock_timeout"]
    .map((name) => `pg_catalog.set_config('${name}', '${millis}', true)`)
    .join(", ")
  return {
    sql,
    log,
    table: (name) => `"${schema}".${name}`,
    bound,
    bounds: `WITH bounds AS MATERIALIZED (SELECT ${bound})`
  }
}

/** Selects a time in milliseconds since 1970. */
export const millis = (time: string) => `(extract(epoch FROM ${time}) * 1000)::double precision`

/**
 * Lets the transaction of a statement commit without waiting for the disk. A crash of the server
 * may undo what was answered: only for checkpoints, after which events are handled again.
 */
export const UNFLUSHED = "pg_catalog.set_config('synchronous_commit', 'off', true)"

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

/** A held key in JSON. */
export type AskedInJson = Omit<StoredHeld, "position"> & { readonly position: string }

/** Returns those of the keys that are of the ranges. */
export const toAsked = (
  asked: ReadonlyArray<AskedInJson> | null,
  own: ReadonlyArray<SlotRange>
): ReadonlyArray<HeldKey> =>
  (asked ?? [])
    .filter(({ slot }) => own.some((range) => includes(range, slot)))
    .map((held) => toHeld({ ...held, position: BigInt(held.position) }))
