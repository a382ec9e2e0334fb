/**
 * The rows of consumer groups in PostgreSQL.
 */
import * as EventMark from "@daybook/kernel/EventMark"
import type { Checkpoint } from "@daybook/store/Checkpoint"
import * as SoleHost from "@daybook/store/sql/SoleHost"
import { inTransaction, transaction } from "@daybook/store/sql/Transaction"
import * as PgTypes from "@daybook/store/sql/PgTypes"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import { isSqlError, type SqlError } from "effect/sql/SqlError"
import { ConsumerGroupsError, KeyNotHeld, LeaseLost, Name, SLOTS } from "../../ConsumerGroup.ts"
import type { Filter, GroupDriver, GroupState, KeyChange, Lease } from "../../driver/GroupDriver.ts"
import type { Act, HeldKey } from "../../HeldKey.ts"
import { detailsOf, skipDetails } from "../group/actDetails.ts"
import type { Member } from "../group/assign.ts"
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
import { locked, makeTurns } from "./tick.ts"

export const driver = (database: Database): GroupDriver => {
  const { sql, table } = database
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
    ask: (name, act, key, { actor, reason }) =>
      transaction(
        sql,
        Effect.gen(function* () {
          const rows = yield* sql.unsafe<StoredHeld>(
            `UPDATE ${table("held_keys")} h SET asked = $3
            WHERE h.name = $1 AND ($2 IS NULL OR h.key = $2) RETURNING ${HELD}`,
            [PgTypes.text(name), PgTypes.text(key ?? null), PgTypes.text(act)]
          )
          if (key !== undefined && rows.length === 0) {
            return yield* new KeyNotHeld({ group: Name.make(name), key })
          }
          for (const row of rows) {
            yield* record(database, name, act, detailsOf(toHeld(row)), { actor, reason })
          }
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
          yield* record(database, name, "restart", details, why)
        })
      ).pipe(failing("restart")),
    acts: (name) => failing("acts")(acts(database, name))
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
const create = ({ sql, table }: Database, name: string, filter: Filter, checkpoint: Checkpoint) =>
  transaction(
    sql,
    Effect.gen(function* () {
      const rows = yield* sql.unsafe(
        `INSERT INTO ${table("groups")} (name, epoch, categories, types) VALUES ($1, 1, $2, $3)
        ON CONFLICT (name) DO NOTHING RETURNING name`,
        [PgTypes.text(name), texts(filter.categories), texts(filter.types)]
      )
      if (rows.length > 0) yield* insertWhole({ sql, table }, name, checkpoint, 1)
    })
  )

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

const lockGroup = ({ sql, table }: Database, name: string) =>
  sql.unsafe(`SELECT FROM ${table("groups")} WHERE name = $1 FOR UPDATE`, [PgTypes.text(name)])

/** Ends the leases of a host; the next turn of another one frees its ranges. */
const leave = ({ sql, table }: Database, name: string, owner: string) =>
  transaction(
    sql,
    Effect.gen(function* () {
      const of = [PgTypes.text(name), PgTypes.text(owner)]
      yield* lockGroup({ sql, table }, name)
      yield* sql.unsafe(
        `UPDATE ${table("ranges")} SET lease_ends = ${NOW} WHERE name = $1 AND owner = $2`,
        of
      )
      yield* sql.unsafe(`DELETE FROM ${table("members")} WHERE name = $1 AND owner = $2`, of)
    })
  )

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
  { sql, table }: Database,
  lease: Lease,
  { event, position }: Checkpoint,
  also = "true"
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
  { sql, table }: Database,
  lease: Lease
): Effect.fn.Return<void, LeaseLost | SqlError> {
  const rows = yield* sql.unsafe(
    `SELECT epoch FROM ${table("ranges")} WHERE name = $1 AND epoch = $2 AND owner IS NOT NULL
    FOR SHARE`,
    [PgTypes.text(lease.group), PgTypes.int8(BigInt(lease.epoch))]
  )
  if (rows.length === 0) return yield* lost(lease)
})

const carryOut = (database: Database, group: string, change: KeyChange) => {
  switch (change._tag) {
    case "Hold":
      return hold(database, group, change.held)
    case "Skip":
      return record(database, group, "skip", skipDetails(change.event, change.issue), {})
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

const record = (
  { sql, table }: Database,
  name: string,
  act: Act["act"],
  details: Act["details"],
  { actor, reason }: { readonly actor?: string | undefined; readonly reason?: string | undefined }
) =>
  sql.unsafe(
    `INSERT INTO ${table("acts")} (acted_at, name, act, login, actor, reason, details)
    VALUES (date_trunc('milliseconds', ${NOW}), $1, $2, session_user, $3, $4, $5)`,
    [
      PgTypes.text(name),
      PgTypes.text(act),
      PgTypes.text(actor ?? null),
      PgTypes.text(reason ?? null),
      PgTypes.json(details)
    ]
  )

const acts = ({ sql, table }: Database, name: string) =>
  Effect.map(
    sql.unsafe<{
      readonly act: Act["act"]
      readonly acted_at: number
      readonly login: string
      readonly actor: string | null
      readonly reason: string | null
      readonly details: Act["details"]
    }>(
      `SELECT act, ${millis("acted_at")} AS acted_at, login, actor, reason, details
      FROM ${table("acts")} WHERE name = $1 ORDER BY act_id`,
      [PgTypes.text(name)]
    ),
    (rows) =>
      rows.map(({ act, acted_at, actor, details, login, reason }): Act => ({
        group: Name.make(name),
        act,
        at: DateTime.makeUnsafe(acted_at),
        login: Option.some(login),
        actor: Option.fromNullOr(actor),
        reason: Option.fromNullOr(reason),
        details
      }))
  )

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
