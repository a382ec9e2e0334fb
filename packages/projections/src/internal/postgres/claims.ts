/**
 * Claims on generations in PostgreSQL, and the stops, pauses and skips of generations.
 *
 * Every end of a claim gives the generation the next epoch, so that steps of the claim fail.
 */
import type { EventId } from "@daybook/kernel/EventId"
import type * as Projection from "@daybook/kernel/Projection"
import type { Position } from "@daybook/kernel/Position"
import type { SchemaName } from "@daybook/store/PostgresSchema"
import * as PgTypes from "@effect/sql-pg/PgTypes"
import * as DateTime from "effect/DateTime"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { AlreadyFolded, ClaimLost } from "../../ReadModelError.ts"
import type { Why } from "../../ReadModelAct.ts"
import type { ReadModelStore } from "../../ReadModelStore.ts"
import type { Claim, Poison, Skipped, SkipReason } from "../../ReadModelGeneration.ts"
import type { Recorder } from "./acts.ts"
import { quoted } from "./columns.ts"
import { poisonText } from "./generations.ts"
import { changing, holdTables, millisOf } from "./locks.ts"
import * as PostgresTable from "./table.ts"

/** The columns of an update that ends the claim on a generation. */
export const ENDED = (schema: SchemaName): string =>
  `epoch = pg_catalog.nextval('${quoted(schema)}.daybook__epochs'), owner = NULL, lease_ends = NULL`

const generations = (schema: SchemaName) => `${quoted(schema)}.daybook__generations`

export const claim = (
  sql: SqlClient,
  schema: SchemaName,
  { generation, name }: Pick<Claim, "name" | "generation">,
  owner: string,
  lease: Duration.Duration,
  despite?: Poison
): Effect.Effect<Option.Option<Claim & { readonly serves: boolean }>, SqlError> =>
  Effect.map(
    // SKIP LOCKED: a generation whose row is locked has a holder in a step or a switch. A claim
    // that waited for the lock would take the generation from that holder, since it judges by the
    // end of the lease from before. Steps renew the lease of their partition, so the latest lease
    // counts.
    sql.unsafe<{ readonly epoch: bigint; readonly serves: boolean }>(
      `WITH free AS (
        SELECT FROM ${generations(schema)} WHERE name = $1 AND generation = $2
          AND owner IS DISTINCT FROM $3 FOR UPDATE SKIP LOCKED
      )
      UPDATE ${generations(schema)} g SET epoch = pg_catalog.nextval('${quoted(schema)}.daybook__epochs'),
        owner = $3, lease_ends = clock_timestamp() + $4 * interval '1 millisecond', poison = NULL
      WHERE g.name = $1 AND g.generation = $2 AND g.role <> 'retired' AND g.mode = 'async'
        AND NOT g.paused AND (g.poison IS NULL OR (g.poison ->> 'position'::pg_catalog.text)::bigint = $5
          AND g.poison #>> '{stoppedBy,code}'::pg_catalog.text[] IS NOT DISTINCT FROM $6)
        AND (g.owner = $3 OR EXISTS (SELECT FROM free) AND (
          g.owner IS NULL OR clock_timestamp() >= greatest(g.lease_ends, (
            SELECT max(c.lease_ends) FROM ${quoted(schema)}.daybook__checkpoints c
            WHERE c.name = g.name AND c.generation = g.generation))))
      RETURNING g.epoch, g.role = 'serving' AS serves`,
      [
        PgTypes.text(name),
        PgTypes.int4(generation),
        PgTypes.text(owner),
        PgTypes.float8(millisOf(lease)),
        PgTypes.int8(despite?.position ?? null),
        PgTypes.text(despite?.stoppedBy?.code ?? null)
      ]
    ),
    ([row]) =>
      Option.map(Option.fromUndefinedOr(row), ({ epoch, serves }) => ({
        name,
        generation,
        epoch: Number(epoch),
        lease,
        serves
      }))
  )

const keyOf = ({ epoch, generation, name }: Claim) => [
  PgTypes.text(name),
  PgTypes.int4(generation),
  PgTypes.int8(BigInt(epoch))
]

/** Returns true if the claimed generation serves; fails if the claim is lost. */
export const serves = Effect.fnUntraced(function* (
  sql: SqlClient,
  schema: SchemaName,
  claim: Claim
): Effect.fn.Return<boolean, ClaimLost | SqlError> {
  const [row] = yield* sql.unsafe<{ readonly serves: boolean }>(
    `SELECT role = 'serving' AS serves FROM ${generations(schema)}
    WHERE name = $1 AND generation = $2 AND epoch = $3`,
    keyOf(claim)
  )
  return row === undefined ? yield* lost(claim) : row.serves
})

export const lost = ({ epoch, generation, name }: Claim): ClaimLost =>
  new ClaimLost({ name, generation, epoch })

/**
 * Renews a claim without waiting for a lock: a locked generation has its holder at work, which
 * needs no renewal, or a transaction that ends the claim, which the next renewal finds. So a long
 * switch does not take two connections.
 */
export const renew = Effect.fnUntraced(function* (
  sql: SqlClient,
  schema: SchemaName,
  claim: Claim
): Effect.fn.Return<void, ClaimLost | SqlError> {
  const held = yield* sql.unsafe(
    `WITH free AS (
      SELECT FROM ${generations(schema)} WHERE name = $1 AND generation = $2 AND epoch = $3
      FOR NO KEY UPDATE SKIP LOCKED
    ), renewed AS (
      UPDATE ${generations(schema)} SET lease_ends = clock_timestamp() + $4 * interval '1 millisecond'
      FROM free WHERE name = $1 AND generation = $2 AND epoch = $3
    )
    SELECT 1 FROM ${generations(schema)} WHERE name = $1 AND generation = $2 AND epoch = $3`,
    [...keyOf(claim), PgTypes.float8(millisOf(claim.lease))]
  )
  if (held.length === 0) return yield* lost(claim)
})

export const release = (
  sql: SqlClient,
  schema: SchemaName,
  claim: Claim
): Effect.Effect<void, SqlError> =>
  Effect.asVoid(
    sql.unsafe(
      `UPDATE ${generations(schema)} SET ${ENDED(schema)}
      WHERE name = $1 AND generation = $2 AND epoch = $3`,
      keyOf(claim)
    )
  )

/** Ends all claims, whose holders are dead. */
export const releaseAll = (sql: SqlClient, schema: SchemaName): Effect.Effect<void, SqlError> =>
  Effect.andThen(
    sql.unsafe(`UPDATE ${generations(schema)} SET ${ENDED(schema)} WHERE owner IS NOT NULL`),
    Effect.asVoid(
      sql.unsafe(
        `UPDATE ${quoted(schema)}.daybook__checkpoints SET lease_ends = NULL WHERE lease_ends IS NOT NULL`
      )
    )
  )

export const stop = Effect.fnUntraced(function* (
  sql: SqlClient,
  schema: SchemaName,
  claim: Claim,
  poison: Poison
): Effect.fn.Return<void, ClaimLost | SqlError> {
  const stopped = yield* sql.unsafe(
    `UPDATE ${generations(schema)} SET poison = $4::text::json, ${ENDED(schema)}
    WHERE name = $1 AND generation = $2 AND epoch = $3 RETURNING 1`,
    [...keyOf(claim), PgTypes.text(yield* poisonText(poison))]
  )
  if (stopped.length === 0) return yield* lost(claim)
})

/**
 * Says for a shadow whether its rows may replace serving rows that differ. The latest request
 * counts: an earlier one may have been given up.
 */
export const accept = (
  sql: SqlClient,
  schema: SchemaName,
  { generation, name }: Pick<Claim, "name" | "generation">,
  accepted: boolean
): Effect.Effect<void, SqlError> =>
  Effect.asVoid(
    sql.unsafe(
      `UPDATE ${generations(schema)} SET accepted = $3 WHERE name = $1 AND generation = $2`,
      [PgTypes.text(name), PgTypes.int4(generation), PgTypes.bool(accepted)]
    )
  )

/** Sets columns of all generations. Without the lock, one that is being made would be missed. */
const setAll =
  (act: "pause" | "resume", columns: string) =>
  (
    sql: SqlClient,
    schema: SchemaName,
    acts: Recorder,
    name: Projection.Name,
    why: Why | undefined
  ): Effect.Effect<void, SqlError> => {
    const text = `UPDATE ${generations(schema)} SET ${columns} WHERE name = $1`
    const change = sql.unsafe(text, [PgTypes.text(name)])
    return changing(sql, schema, name, Effect.andThen(change, acts.record(act, name, why, {})))
  }

export const pause = setAll("pause", "paused = true")

export const resume = setAll("resume", "paused = false, poison = NULL")

interface Generation {
  readonly generation: number
  readonly role: "serving" | "shadow"
  readonly mode: "async" | "inline"
  readonly checkpoint: bigint
}

export const skip = (
  sql: SqlClient,
  schema: SchemaName,
  acts: Recorder,
  skipped: Omit<Skipped, "skippedAt">,
  options: SkipOptions | undefined
): Effect.Effect<void, AlreadyFolded | SqlError> =>
  changing(sql, schema, skipped.name, skipInChange(sql, schema, acts, skipped, options))

type SkipOptions = Parameters<ReadModelStore["Service"]["skip"]>[1]

const skipInChange = Effect.fnUntraced(function* (
  sql: SqlClient,
  schema: SchemaName,
  acts: Recorder,
  { eventId, name, position, reason, version }: Omit<Skipped, "skippedAt">,
  { ofLostHistory = false, ...by }: SkipOptions = {}
): Effect.fn.Return<void, AlreadyFolded | SqlError> {
  const own = quoted(schema)
  const key = [PgTypes.text(name), PgTypes.int4(version), PgTypes.int8(position)]
  const known = yield* sql.unsafe(
    `SELECT 1 FROM ${own}.daybook__skipped WHERE name = $1 AND version = $2 AND event_id = $3::text::uuid`,
    [...key.slice(0, 2), PgTypes.text(eventId)]
  )
  if (known.length > 0) return
  const ofVersion = key.slice(0, 2)
  const shadows = yield* sql.unsafe<Pick<Generation, "generation">>(
    `SELECT generation FROM ${generations(schema)}
    WHERE name = $1 AND version = $2 AND role = 'shadow' ORDER BY generation`,
    ofVersion
  )
  const tables = shadows.map(({ generation }) =>
    PostgresTable.relationIn(schema, name, { generation, serves: false })
  )
  yield* holdTables(sql, tables, "wait")
  // Locked, so that no step is in flight when the checkpoints are read.
  yield* sql.unsafe(
    `SELECT 1 FROM ${generations(schema)} WHERE name = $1 AND version = $2 AND role <> 'retired'
    ORDER BY generation FOR UPDATE`,
    ofVersion
  )
  const found = yield* sql.unsafe<Generation>(
    `SELECT g.generation, g.role, g.mode, (
        SELECT max(c."position") FROM ${own}.daybook__checkpoints c
        WHERE c.name = g.name AND c.generation = g.generation) AS checkpoint
    FROM ${generations(schema)} g
    WHERE g.name = $1 AND g.version = $2 AND g.role <> 'retired' ORDER BY g.generation`,
    ofVersion
  )
  const serving = found.find(({ role }) => role === "serving")
  // Inline rows hold all recorded events.
  const isFolded = serving?.mode === "inline" || (serving?.checkpoint ?? 0n) >= position
  if (serving !== undefined && isFolded && !ofLostHistory) {
    // The database stored it as a position, so the cast adds only the brand.
    const checkpoint = serving.checkpoint as Position
    return yield* new AlreadyFolded({ name, version, position, checkpoint })
  }
  yield* sql.unsafe(
    `INSERT INTO ${own}.daybook__skipped (name, version, "position", reason, event_id, skipped_at)
    VALUES ($1, $2, $3, $4, $5::text::uuid, date_trunc('milliseconds', clock_timestamp()))`,
    [...key, PgTypes.text(reason), PgTypes.text(eventId)]
  )
  const details = { version, position: String(position) }
  yield* acts.record("skip", name, { ...by, reason }, details)
  yield* sql.unsafe(
    `UPDATE ${generations(schema)} SET ${ENDED(schema)},
      poison = CASE WHEN role = 'serving' AND (poison ->> 'position'::pg_catalog.text)::bigint <> $3 THEN poison END
    WHERE name = $1 AND version = $2 AND role <> 'retired'`,
    key
  )
  for (const table of tables) yield* sql.unsafe(`TRUNCATE ${table}`).unprepared
  for (const { generation } of shadows) {
    yield* sql.unsafe(
      `UPDATE ${own}.daybook__checkpoints SET "position" = 0, event = NULL, events = 0, events_per_second = 0
      WHERE name = $1 AND generation = $2`,
      [PgTypes.text(name), PgTypes.int4(generation)]
    )
  }
})

interface SkippedRow {
  readonly version: number
  readonly position: bigint
  readonly event_id: EventId
  readonly reason: string
  readonly skipped_at: Date
}

export const skipped = (
  sql: SqlClient,
  schema: SchemaName,
  name: Projection.Name
): Effect.Effect<ReadonlyArray<Skipped>, SqlError> =>
  Effect.map(
    sql.unsafe<SkippedRow>(
      `SELECT version, "position", event_id::text AS event_id, reason, skipped_at FROM ${quoted(schema)}.daybook__skipped
      WHERE name = $1 ORDER BY "position", version`,
      [PgTypes.text(name)]
    ),
    (rows) =>
      rows.map(({ event_id, position, reason, skipped_at, version }) => ({
        name,
        version: version as Projection.Version,
        position: position as Position,
        eventId: event_id,
        reason: reason as SkipReason,
        skippedAt: DateTime.makeUnsafe(skipped_at)
      }))
  )
