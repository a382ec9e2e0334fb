/**
 * The turn of a host, as one transaction: locks the group's rows, applies the rule, and writes the
 * rows that changed.
 */
import * as PgTypes from "@daybook/store/sql/PgTypes"
import { transaction } from "@daybook/store/sql/Transaction"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { SqlError } from "effect/sql/SqlError"
import type { Ticked } from "../../driver/GroupDriver.ts"
import { assign, type Host, type Member, type RangeRow, type Rows } from "../group/assign.ts"
import {
  type AskedInJson,
  type Database,
  HELD_IN_JSON,
  millis,
  NOW,
  RANGE,
  type StoredRange,
  toAsked,
  toRange
} from "./database.ts"
import { renew, type Steady } from "./renew.ts"

interface Read {
  readonly rows: Rows
  readonly now: number
  readonly asked: ReadonlyArray<AskedInJson> | null
}

/** The turns of the hosts of this process. */
export interface Turns {
  readonly take: (name: string, host: Omit<Host, "now">) => Effect.Effect<Ticked, SqlError>
  /** Forgets a host that has left. */
  readonly forgetUnsafe: (name: string, owner: string) => void
}

export const makeTurns = (database: Database): Turns => {
  /** The last turns of hosts after which there was nothing to do. */
  const steady = new Map<string, Steady>()
  return {
    forgetUnsafe: (name, owner) => steady.delete(`${name} ${owner}`),
    take: (name, host) =>
      Effect.suspend(() => {
        const key = `${name} ${host.owner}`
        const before = host.draining.size + host.released.size > 0 ? undefined : steady.get(key)
        const whole = Effect.map(tick(database, name, host), (done) => {
          if (done.ticked.drain.length === 0) steady.set(key, done)
          else steady.delete(key)
          return done.ticked
        })
        return before === undefined
          ? whole
          : Effect.flatMap(renew(database, name, host, before), (renewed) =>
              renewed === undefined ? whole : Effect.succeed(renewed)
            )
      })
  }
}

const tick = (
  database: Database,
  name: string,
  host: Omit<Host, "now">
): Effect.Effect<Steady, SqlError> =>
  transaction(
    database.sql,
    Effect.gen(function* () {
      const before = yield* locked(database, name)
      const { drain, own, rows } = assign(before.rows, { ...host, now: before.now })
      yield* write(database, name, host.owner, before, rows)
      return {
        ticked: { own, drain, asked: toAsked(before.asked, own) },
        members: rows.members.length
      }
    })
  )

/** Locks the row of a group, for a bounded time. */
export const lockGroup = ({ bounds, sql, table }: Database, name: string) =>
  sql.unsafe<{ readonly epoch: bigint }>(
    `${bounds} SELECT g.epoch FROM ${table("groups")} g CROSS JOIN bounds
    WHERE g.name = $1 FOR UPDATE OF g`,
    [PgTypes.text(name)]
  )

/** Locks a group, so that turns follow one another, and then its ranges against commits. */
export const locked = Effect.fnUntraced(function* (
  database: Database,
  name: string
): Effect.fn.Return<Read, SqlError> {
  const { sql, table } = database
  const [group] = yield* lockGroup(database, name)
  if (group === undefined) return yield* Effect.die(new Error(`${name} was not opened`))
  // A statement of its own: its snapshot is from after the wait for the lock.
  const rows = yield* sql.unsafe<
    StoredRange & {
      readonly now: number
      readonly members: ReadonlyArray<Member> | null
      readonly asked: ReadonlyArray<AskedInJson> | null
    }
  >(
    `SELECT ${RANGE}, ${millis(NOW)} AS now,
      (SELECT json_agg(json_build_object('owner', m.owner, 'leaseEnds', ${millis("m.lease_ends")}))
        FROM ${table("members")} m WHERE m.name = $1) AS members,
      (SELECT json_agg(h) FROM (SELECT ${HELD_IN_JSON} FROM ${table("held_keys")} h
        WHERE h.name = $1 AND h.asked IS NOT NULL) h) AS asked
    FROM ${table("ranges")} r WHERE r.name = $1 ORDER BY r.first_slot FOR UPDATE OF r`,
    [PgTypes.text(name)]
  )
  const [one] = rows
  return {
    rows: {
      epoch: Number(group.epoch),
      members: one?.members ?? [],
      ranges: rows.map(toRange)
    },
    now: one?.now ?? 0,
    asked: one?.asked ?? null
  }
})

/**
 * Writes what a turn changed. A range keeps its row while it keeps its epoch: only its lease is
 * renewed, since commits move its checkpoint.
 */
const write = Effect.fnUntraced(function* (
  { sql, table }: Database,
  name: string,
  owner: string,
  { now, rows: before }: Read,
  after: Rows
): Effect.fn.Return<void, SqlError> {
  const known = new Set(before.ranges.map(({ epoch }) => epoch))
  const left = new Set(after.ranges.map(({ epoch }) => epoch))
  const gone = before.ranges.filter(({ epoch }) => !left.has(epoch))
  const made = after.ranges.filter(({ epoch }) => !known.has(epoch))
  const own = after.members.find((member) => member.owner === owner)
  const ends = (own?.leaseEnds ?? now) / 1_000
  yield* sql.unsafe(
    `WITH gone AS (
      DELETE FROM ${table("ranges")} WHERE name = $1 AND epoch = ANY ($4)
    ), renewed AS (
      UPDATE ${table("ranges")} SET lease_ends = to_timestamp($3)
      WHERE name = $1 AND owner = $2 AND NOT epoch = ANY ($4)
    ), made AS (
      INSERT INTO ${table("ranges")} (name, epoch, first_slot, last_slot, owner, lease_ends, log, "position", event)
      SELECT $1, m.epoch, m.first, m.last, m.owner, to_timestamp(m.ends), m.log, m.position, m.event
      FROM json_to_recordset($5) AS m (epoch bigint, first integer, last integer, owner text,
        ends double precision, log uuid, "position" bigint, event text)
    ), member AS (
      INSERT INTO ${table("members")} (name, owner, lease_ends) VALUES ($1, $2, to_timestamp($3))
      ON CONFLICT (name, owner) DO UPDATE SET lease_ends = EXCLUDED.lease_ends
    ), over AS (
      DELETE FROM ${table("members")} WHERE name = $1 AND owner <> $2 AND lease_ends <= to_timestamp($7)
    )
    UPDATE ${table("groups")} SET epoch = $6 WHERE name = $1 AND epoch <> $6`,
    [
      PgTypes.text(name),
      PgTypes.text(owner),
      PgTypes.float8(ends),
      Result.getOrThrow(
        PgTypes.array(
          gone.map(({ epoch }) => BigInt(epoch)),
          PgTypes.OID.int8
        )
      ),
      PgTypes.json(made.map(toRow)),
      PgTypes.int8(BigInt(after.epoch)),
      PgTypes.float8(now / 1_000)
    ]
  )
})

const toRow = ({ checkpoint, epoch, first, last, leaseEnds, owner }: RangeRow) => ({
  epoch,
  first,
  last,
  owner: owner ?? null,
  ends: owner === undefined ? null : leaseEnds / 1_000,
  log: checkpoint.log,
  // A text, since JSON has no integers past 2^53.
  position: String(checkpoint.position),
  event: checkpoint.event
})
