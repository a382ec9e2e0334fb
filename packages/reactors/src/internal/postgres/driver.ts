/**
 * The rows of consumer groups in PostgreSQL.
 */
import * as EventMark from "@daybook/kernel/EventMark"
import * as Position from "@daybook/kernel/Position"
import type { Checkpoint } from "@daybook/store/Checkpoint"
import * as SoleHost from "@daybook/store/sql/SoleHost"
import { inTransaction, transaction } from "@daybook/store/sql/Transaction"
import * as PgTypes from "@daybook/store/sql/PgTypes"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import { isSqlError, type SqlError } from "effect/sql/SqlError"
import {
  ConsumerGroupsError,
  GroupRuns,
  KeyNotHeld,
  LeaseLost,
  Name,
  SLOTS
} from "../../ConsumerGroup.ts"
import type { Filter, GroupDriver, GroupState, KeyChange, Lease } from "../../driver/GroupDriver.ts"
import type { HeldKey, Waiting } from "../../HeldKey.ts"
import { detailsOf, forgetDetails, skipDetails } from "../group/actDetails.ts"
import type { Member } from "../group/assign.ts"
import { list, record } from "./acts.ts"
import {
  type Database,
  HELD,
  millis,
  NOW,
  RANGE,
  type StoredHeld,
  type StoredRange,
  toHeld,
  toRange,
  UNFLUSHED
} from "./database.ts"
import { lockGroup, locked, makeTurns } from "./tick.ts"

export const driver = (database: Database): GroupDriver => {
  const { bound, sql, table } = database
  const turns = makeTurns(database)
  /** Ends the leases from before an embedded database was opened: their holders are dead. */
  const freed = SoleHost.onceOpened(
    sql,
    `leases in ${table("ranges")}`,
    sql.withTransaction(
      Effect.andThen(
        sql.unsafe(`UPDATE ${table("ranges")} SET lease_ends = ${NOW} WHERE owner IS NOT NULL`),
        sql.unsafe(`DELETE FROM ${table("members")}`)
      )
    )
  )
  return {
    undoes: true,
    names: Effect.map(
      sql.unsafe<{ readonly name: string }>(`SELECT name FROM ${table("groups")} ORDER BY name`),
      (rows) => rows.map(({ name }) => name)
    ).pipe(failing("names")),
    open: (name, filter, start) =>
      freed.pipe(
        Effect.andThen(known(database, name, filter)),
        failing("run"),
        Effect.flatMap((isKnown) =>
          isKnown
            ? Effect.void
            : Effect.flatMap(start, (checkpoint) =>
                create(database, name, filter, checkpoint).pipe(failing("run"))
              )
        )
      ),
    tick: (name, host) => failing("tick")(turns.take(name, host)),
    leave: (name, owner) =>
      Effect.suspend(() => {
        turns.forgetUnsafe(name, owner)
        return leave(database, name, owner)
      }).pipe(failing("leave")),
    commit: <A, E, R>(
      lease: Lease,
      checkpoint: Checkpoint,
      work: Effect.Effect<A, E, R> | undefined
    ) =>
      work === undefined
        ? Effect.flatMap(inTransaction(sql), (inside) =>
            // A transaction of the caller commits as the caller wants.
            inside
              ? move(database, lease, checkpoint)
              : single(database, move(database, lease, checkpoint, UNFLUSHED))
          ).pipe(Effect.as(undefined), failing("commit"))
        : transaction(
            sql,
            // The lease is checked last: the row is locked as shortly as possible.
            Effect.tap(work, () => move(database, lease, checkpoint))
          ).pipe(failing("commit")),
    change: (lease, change, work) =>
      transaction(
        sql,
        Effect.gen(function* () {
          const answer = yield* work
          // So that of two keys that are parked at once, one is counted with the other.
          if (change._tag === "Hold") yield* lockGroup(database, lease.group)
          yield* proved(database, lease)
          yield* carryOut(database, lease.group, change)
          const [row] = yield* sql.unsafe<{ readonly parked: number }>(
            `SELECT count(*)::integer AS parked FROM ${table("held_keys")}
            WHERE name = $1 AND state = 'parked'`,
            [PgTypes.text(lease.group)]
          )
          return { answer, parked: row?.parked ?? 0 }
        })
      ).pipe(failing("change")),
    state: (name) => failing("status")(transaction(sql, stateOf(database, name))),
    waiting: (name, key, { after, limit, upTo }) =>
      Effect.map(
        sql.unsafe<{ readonly position: bigint }>(
          `SELECT "position" FROM ${table("waiting_events")}
          WHERE name = $1 AND key = $2 AND "position" > $3 AND "position" <= $4
          ORDER BY "position" LIMIT $5`,
          [
            PgTypes.text(name),
            PgTypes.text(key),
            PgTypes.int8(after),
            PgTypes.int8(upTo),
            PgTypes.int4(limit)
          ]
        ),
        (rows) => rows.map(({ position }) => Position.make(position))
      ).pipe(failing("waiting")),
    ask: (name, act, key, why) =>
      transaction(
        sql,
        Effect.gen(function* () {
          const rows = yield* sql.unsafe<StoredHeld>(
            `UPDATE ${table("held_keys")} h SET asked = $3
            WHERE h.name = $1 AND ($2 IS NULL OR h.key = $2) RETURNING ${HELD}, ${bound}`,
            [PgTypes.text(name), PgTypes.text(key ?? null), PgTypes.text(act)]
          )
          if (key !== undefined && rows.length === 0) {
            return yield* new KeyNotHeld({ group: Name.make(name), key })
          }
          const details = rows.map((row) => detailsOf(toHeld(row)))
          yield* record(database, name, act, details, why)
        })
      ).pipe(failing(act)),
    restart: (name, checkpoint, why) =>
      transaction(
        sql,
        Effect.gen(function* () {
          const { rows } = yield* locked(database, name)
          yield* sql.unsafe(`DELETE FROM ${table("ranges")} WHERE name = $1`, [PgTypes.text(name)])
          yield* sql.unsafe(`DELETE FROM ${table("held_keys")} WHERE name = $1`, [
            PgTypes.text(name)
          ])
          yield* insertWhole(database, name, checkpoint, rows.epoch + 1)
          yield* sql.unsafe(`UPDATE ${table("groups")} SET epoch = $2 WHERE name = $1`, [
            PgTypes.text(name),
            PgTypes.int8(BigInt(rows.epoch + 1))
          ])
          const details = { position: String(checkpoint.position) }
          yield* record(database, name, "restart", [details], why)
        })
      ).pipe(failing("restart")),
    forget: (name, why) =>
      transaction(
        sql,
        Effect.gen(function* () {
          const { now, rows } = yield* locked(database, name)
          const hosts = rows.members.flatMap(({ leaseEnds, owner }) =>
            leaseEnds > now ? [owner] : []
          )
          if (hosts.length > 0) return yield* new GroupRuns({ group: Name.make(name), hosts })
          yield* sql.unsafe(`DELETE FROM ${table("groups")} WHERE name = $1`, [PgTypes.text(name)])
          yield* record(database, name, "forget", [forgetDetails(rows.ranges)], why)
        })
      ).pipe(failing("forget")),
    acts: (name) => failing("acts")(list(database, name))
  }
}

const known = Effect.fnUntraced(function* (
  { sql, table }: Database,
  name: string,
  { categories, types }: Filter
): Effect.fn.Return<boolean, SqlError> {
  const rows = yield* sql.unsafe(
    `UPDATE ${table("groups")} SET categories = $2, types = $3 WHERE name = $1 RETURNING name`,
    [PgTypes.text(name), texts(categories), texts(types)]
  )
  return rows.length > 0
})

const texts = (list: ReadonlyArray<string> | undefined) =>
  Result.getOrThrow(PgTypes.array(list ?? null, PgTypes.OID.text))

/** Creates a group, unless another host has done so meanwhile. */
const create = (database: Database, name: string, filter: Filter, checkpoint: Checkpoint) => {
  const { bound, sql, table } = database
  return transaction(
    sql,
    Effect.gen(function* () {
      const rows = yield* sql.unsafe(
        `INSERT INTO ${table("groups")} (name, epoch, categories, types) VALUES ($1, 1, $2, $3)
        ON CONFLICT (name) DO NOTHING RETURNING name, ${bound}`,
        [PgTypes.text(name), texts(filter.categories), texts(filter.types)]
      )
      if (rows.length > 0) yield* insertWhole(database, name, checkpoint, 1)
    })
  )
}

const insertWhole = (
  { sql, table }: Database,
  name: string,
  { event, log, position }: Checkpoint,
  epoch: number
) =>
  sql.unsafe(
    `INSERT INTO ${table("ranges")} (name, epoch, first_slot, last_slot, log, "position", event)
    VALUES ($1, $2, 0, ${SLOTS - 1}, $3, $4, $5)`,
    [
      PgTypes.text(name),
      PgTypes.int8(BigInt(epoch)),
      PgTypes.uuid(log),
      PgTypes.int8(position),
      PgTypes.text(event)
    ]
  )

/** Ends the leases of a host; the next turn of another one frees its ranges. */
const leave = (database: Database, name: string, owner: string) => {
  const { sql, table } = database
  return transaction(
    sql,
    Effect.gen(function* () {
      const of = [PgTypes.text(name), PgTypes.text(owner)]
      yield* lockGroup(database, name)
      yield* sql.unsafe(
        `UPDATE ${table("ranges")} SET lease_ends = ${NOW} WHERE name = $1 AND owner = $2`,
        of
      )
      yield* sql.unsafe(`DELETE FROM ${table("members")} WHERE name = $1 AND owner = $2`, of)
    })
  )
}

/**
 * Runs a statement that is its own transaction; again under READ COMMITTED if sessions have another
 * default, under which it fails after a wait for another writer.
 */
const single = <A, E>({ sql }: Database, statement: Effect.Effect<A, E | SqlError>) =>
  Effect.catchIf(
    statement,
    (error) => isSqlError(error) && error.reason._tag === "SerializationError",
    () => transaction(sql, statement)
  )

/** Moves a checkpoint forward under its lease; `also` is evaluated in the statement. */
const move = Effect.fnUntraced(function* (
  { bound, sql, table }: Database,
  lease: Lease,
  { event, position }: Checkpoint,
  also = bound
): Effect.fn.Return<void, LeaseLost | SqlError> {
  const rows = yield* sql.unsafe(
    `UPDATE ${table("ranges")} SET "position" = greatest("position", $3),
      event = CASE WHEN "position" < $3 THEN $4 ELSE event END
    WHERE name = $1 AND epoch = $2 AND owner IS NOT NULL RETURNING epoch, ${also}`,
    [
      PgTypes.text(lease.group),
      PgTypes.int8(BigInt(lease.epoch)),
      PgTypes.int8(position),
      PgTypes.text(event)
    ]
  )
  if (rows.length === 0) return yield* lost(lease)
})

const lost = ({ epoch, group, range }: Lease) =>
  new LeaseLost({ group: Name.make(group), range, epoch })

/** Fails unless the lease is valid, and keeps it until the transaction ends. */
const proved = Effect.fnUntraced(function* (
  { bounds, sql, table }: Database,
  lease: Lease
): Effect.fn.Return<void, LeaseLost | SqlError> {
  const rows = yield* sql.unsafe(
    `${bounds} SELECT r.epoch FROM ${table("ranges")} r CROSS JOIN bounds
    WHERE r.name = $1 AND r.epoch = $2 AND r.owner IS NOT NULL FOR SHARE OF r`,
    [PgTypes.text(lease.group), PgTypes.int8(BigInt(lease.epoch))]
  )
  if (rows.length === 0) return yield* lost(lease)
})

const carryOut = (database: Database, group: string, change: KeyChange) => {
  switch (change._tag) {
    case "Hold":
      return hold(database, group, change.held)
    case "Wait":
      return wait(database, group, change.waiting)
    case "Skip":
      return record(database, group, "skip", [skipDetails(change.event, change.issue)], {})
    case "Settle":
      return settle(database, group, change)
  }
}

const hold = ({ sql, table }: Database, group: string, held: Omit<HeldKey, "at" | "asked">) =>
  sql.unsafe(
    `INSERT INTO ${table("held_keys")} (name, key, slot, state, "position", event, stream_id, type, issue,
      attempts, held_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, ${NOW})
    ON CONFLICT (name, key) DO UPDATE SET state = EXCLUDED.state, "position" = EXCLUDED."position",
      event = EXCLUDED.event, stream_id = EXCLUDED.stream_id, type = EXCLUDED.type,
      issue = EXCLUDED.issue, attempts = EXCLUDED.attempts, held_at = EXCLUDED.held_at, asked = NULL`,
    [
      PgTypes.text(group),
      PgTypes.text(held.key),
      PgTypes.int4(held.slot),
      PgTypes.text(held.state),
      PgTypes.int8(held.position),
      PgTypes.text(held.event),
      PgTypes.text(held.streamId),
      PgTypes.text(held.type),
      PgTypes.text(held.issue),
      PgTypes.int4(held.attempts)
    ]
  )

const wait = ({ sql, table }: Database, group: string, waiting: ReadonlyArray<Waiting>) =>
  sql.unsafe(
    `INSERT INTO ${table("waiting_events")} (name, key, "position")
    SELECT h.name, h.key, w.position FROM unnest($2, $3) AS w (key, "position")
    JOIN ${table("held_keys")} h ON h.name = $1 AND h.key = w.key
    ON CONFLICT DO NOTHING`,
    [
      PgTypes.text(group),
      texts(waiting.map(({ key }) => key)),
      Result.getOrThrow(
        PgTypes.array(
          waiting.map(({ position }) => position),
          PgTypes.OID.int8
        )
      )
    ]
  )

const settle = (
  { sql, table }: Database,
  group: string,
  { key, next }: Extract<KeyChange, { readonly _tag: "Settle" }>
) =>
  next === undefined
    ? sql.unsafe(`DELETE FROM ${table("held_keys")} WHERE name = $1 AND key = $2`, [
        PgTypes.text(group),
        PgTypes.text(key)
      ])
    : sql.unsafe(
        // A drop is of the event that failed; the later ones are released.
        `UPDATE ${table("held_keys")} SET "position" = $3, event = $4, stream_id = $5, type = $6,
          attempts = 0, asked = CASE WHEN asked IS NOT NULL THEN 'release' END
        WHERE name = $1 AND key = $2`,
        [
          PgTypes.text(group),
          PgTypes.text(key),
          PgTypes.int8(next.position),
          PgTypes.text(EventMark.of(next)),
          PgTypes.text(next.streamId),
          PgTypes.text(next.type)
        ]
      )

const stateOf = Effect.fnUntraced(function* (
  { sql, table }: Database,
  name: string
): Effect.fn.Return<Option.Option<GroupState>, SqlError> {
  const of = [PgTypes.text(name)]
  const ranges = yield* sql.unsafe<
    StoredRange & {
      readonly group_epoch: bigint
      readonly categories: Filter["categories"] | null
      readonly types: ReadonlyArray<string> | null
      readonly now: number
    }
  >(
    `SELECT ${RANGE}, g.epoch AS group_epoch, g.categories, g.types, ${millis(NOW)} AS now
    FROM ${table("groups")} g JOIN ${table("ranges")} r USING (name) WHERE g.name = $1
    ORDER BY r.first_slot`,
    of
  )
  const [group] = ranges
  if (group === undefined) return Option.none()
  const members = yield* sql.unsafe<Member>(
    `SELECT owner, ${millis("lease_ends")} AS "leaseEnds" FROM ${table("members")} WHERE name = $1`,
    of
  )
  const held = yield* sql.unsafe<StoredHeld>(
    `SELECT ${HELD} FROM ${table("held_keys")} h WHERE h.name = $1 ORDER BY h.position`,
    of
  )
  return Option.some({
    epoch: Number(group.group_epoch),
    members,
    ranges: ranges.map(toRange),
    filter: { categories: group.categories ?? undefined, types: group.types ?? undefined },
    held: held.map(toHeld),
    now: group.now
  })
})

/** Wraps errors of the database in a `ConsumerGroupsError`; errors of callers stay as they are. */
const failing =
  (operation: string) =>
  <A, E, R>(
    effect: Effect.Effect<A, E, R>
  ): Effect.Effect<A, Exclude<E, SqlError> | ConsumerGroupsError, R> =>
    Effect.mapError(effect, (error) =>
      isSqlError(error)
        ? new ConsumerGroupsError({ operation, cause: error })
        : // TypeScript can't exclude `SqlError` from `E` here.
          (error as Exclude<E, SqlError>)
    )
