/**
 * Finds and repairs the faults that a restore or a copy may leave in a log.
 *
 * `pg_restore --data-only --disable-triggers` leaves triggers as ordinary ones; rows that are
 * copied by hand or by logical replication come without their sequence; and rows that are copied
 * without triggers come without their ids.
 */
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { SchemaName } from "../../../PostgresSchema.ts"
import { asOwner, isPartitioned, logTable, partitions, runAll } from "../partitions/partitions.ts"
import { appendOnly, recordIds } from "../partitions/statements.ts"
import { PLACES } from "./sqlParts.ts"
import { summarizable } from "./tables.ts"

/** The append-only tables of administrative acts. */
const ACTS = ["acts", "passed_over"] as const

/** A trigger of the log that is missing or does not fire in some sessions. */
export interface RestingTrigger {
  readonly table: string
  readonly trigger: "append_only" | "record_ids"
  /** The value of `pg_trigger.tgenabled`, or missing. */
  readonly state: "missing" | "O" | "D" | "R"
}

/** Returns the triggers that should always fire but don't. */
export const restingTriggers = (
  sql: SqlClient,
  schema: SchemaName
): Effect.Effect<ReadonlyArray<RestingTrigger>, SqlError> => sql<RestingTrigger>`
  WITH log AS (${logTable(sql, schema)}), part AS (
    SELECT c.oid, c.relname FROM log c
    UNION ALL
    SELECT c.oid, c.relname FROM log JOIN pg_inherits i ON i.inhparent = log.oid
      JOIN pg_class c ON c.oid = i.inhrelid
  ), needed AS (
    SELECT oid, relname, 'append_only' AS trigger FROM part
    UNION ALL
    SELECT part.oid, part.relname, 'record_ids' FROM part, log WHERE log.relkind = 'p'
    UNION ALL
    SELECT oid, relname, 'append_only' FROM (${logTable(sql, schema, "recorded_ids")}) ids
    UNION ALL
    SELECT oid, relname, 'append_only' FROM (${logTable(sql, schema, ACTS[0])}) acts
    UNION ALL
    SELECT oid, relname, 'append_only' FROM (${logTable(sql, schema, ACTS[1])}) passed
  )
  SELECT n.relname::text AS "table", n.trigger, coalesce(t.tgenabled::text, 'missing') AS state
  FROM needed n LEFT JOIN pg_trigger t ON t.tgrelid = n.oid AND t.tgname = n.trigger
  WHERE t.tgenabled IS DISTINCT FROM 'A'
  ORDER BY n.relname, n.trigger`

/** Returns the last position of the rows and of the log's sequence, which should be no lower. */
export const ends = (
  sql: SqlClient,
  schema: SchemaName
): Effect.Effect<{ readonly rows: bigint; readonly sequence: bigint }, SqlError> =>
  Effect.map(
    // In this order: an append draws its number before its events become visible.
    Effect.flatMap(
      sql<{ readonly rows: bigint }>`
        SELECT coalesce(max(position), 0)::bigint AS rows FROM ${sql(`${schema}.events`)}`,
      ([last]) =>
        Effect.map(
          sql<{ readonly sequence: bigint }>`
            SELECT ${sql(`${schema}.newest_append`)}() * ${PLACES}::bigint AS sequence`,
          ([newest]) => ({ rows: last?.rows ?? 0n, sequence: newest?.sequence ?? 0n })
        )
    ),
    (found) => found
  )

/** Returns those first and last events of partitions whose ids are not recorded. */
export const unrecordedIds = (
  sql: SqlClient,
  schema: SchemaName
): Effect.Effect<ReadonlyArray<Unrecorded>, SqlError> =>
  Effect.flatMap(partitions(sql, schema), (ranges) =>
    Effect.map(
      Effect.forEach(ranges, ({ from, to }) => unrecordedOf(sql, schema, from, to)),
      (found) => found.flat()
    )
  )

/** An event whose id is not recorded, with the range of positions of its partition. */
interface Unrecorded extends Range {
  readonly position: bigint
}

/** A range of positions. */
interface Range {
  /** The first position; null if the range has no lower end. */
  readonly from: bigint | null
  /** The position after the last one; null if the range has no upper end. */
  readonly to: bigint | null
}

/** Selects a partition's events by positions, since readers have no right to name a partition. */
const inRange = (sql: SqlClient, { from, to }: Range) =>
  sql`e.position >= ${from ?? 0n}::bigint AND (${to}::bigint IS NULL OR e.position < ${to}::bigint)`

const unrecordedOf = (
  sql: SqlClient,
  schema: SchemaName,
  from: bigint | null,
  to: bigint | null
): Effect.Effect<ReadonlyArray<Unrecorded>, SqlError> => {
  const events = sql(`${schema}.events`)
  const range = inRange(sql, { from, to })
  return Effect.map(
    sql<{ readonly position: bigint }>`
      SELECT f.position FROM (
        (SELECT e.position, e.event_id FROM ${events} e WHERE ${range} ORDER BY e.position LIMIT 1)
        UNION
        (SELECT e.position, e.event_id FROM ${events} e WHERE ${range} ORDER BY e.position DESC LIMIT 1)
      ) f
      WHERE NOT EXISTS (SELECT FROM ${sql(`${schema}.event_ids`)} i WHERE i.event_id = f.event_id)
      ORDER BY f.position`,
    (rows) => rows.map(({ position }) => ({ position, from, to }))
  )
}

/** Returns true if the log has its id. */
export const hasIdentity = (sql: SqlClient, schema: SchemaName): Effect.Effect<boolean, SqlError> =>
  Effect.map(sql`SELECT FROM ${sql(`${schema}.log`)}`, (rows) => rows.length === 1)

/**
 * Repairs the triggers, the sequence, the ids and the identity, and returns a line for each repair;
 * in a transaction, in its turn.
 */
export const repair = (
  sql: SqlClient,
  schema: SchemaName
): Effect.Effect<ReadonlyArray<string>, SqlError> =>
  asOwner(
    sql,
    schema,
    Effect.gen(function* () {
      const done = (yield* enableTriggers(sql, schema)).map(
        ({ state, table, trigger }) => `trigger ${trigger} of ${table} was ${state}`
      )
      const drawn = yield* sql`
        INSERT INTO ${sql(`${schema}.log`)} DEFAULT VALUES ON CONFLICT DO NOTHING RETURNING id`
      if (drawn.length > 0) done.push("the log had no id")
      // Copied rows are in no summary, so a read from an instant on would scan all of them.
      yield* sql`SELECT brin_summarize_new_values(s.oid) FROM (${sql.literal(summarizable(`"${schema}"`))}) s`
      const found = yield* ends(sql, schema)
      if (found.rows > found.sequence) {
        // Appends wait, so none comes between this check and the change.
        yield* sql`LOCK TABLE ${sql(`${schema}.events`)} IN SHARE ROW EXCLUSIVE MODE`
        const { rows, sequence } = yield* ends(sql, schema)
        const newest = (rows - 1n) / PLACES + 1n
        if (rows > sequence) {
          yield* sql.unsafe(`SELECT setval('"${schema}".append_number', ${newest})`)
          done.push(`the sequence was at ${sequence}, and the rows at ${rows}`)
        }
      }
      if (!(yield* isPartitioned(sql, schema))) return done
      const repaired = new Set<bigint | null>()
      for (const range of yield* unrecordedIds(sql, schema)) {
        if (repaired.has(range.to)) continue
        repaired.add(range.to)
        done.push(`ids from position ${range.from ?? 0n} on were not recorded`)
        yield* sql`INSERT INTO ${sql(`${schema}.recorded_ids`)} (event_id, position)
          SELECT e.event_id, e.position FROM ${sql(`${schema}.events`)} e
          WHERE ${inRange(sql, range)} AND NOT EXISTS (
            SELECT FROM ${sql(`${schema}.recorded_ids`)} i WHERE i.event_id = e.event_id)`
      }
      return done
    })
  )

/**
 * Makes the triggers of the log fire in every session, and returns those that did not; as the owner
 * of the log.
 */
export const enableTriggers = (
  sql: SqlClient,
  schema: SchemaName
): Effect.Effect<ReadonlyArray<RestingTrigger>, SqlError> =>
  Effect.tap(restingTriggers(sql, schema), (resting) =>
    Effect.forEach(
      resting,
      ({ state, table, trigger }) =>
        runAll(
          sql,
          state !== "missing"
            ? [`ALTER TABLE "${schema}"."${table}" ENABLE ALWAYS TRIGGER ${trigger}`]
            : trigger === "record_ids"
              ? recordIds(schema, table)
              : appendOnly(
                  schema,
                  table,
                  ACTS.some((name) => name === table) ? "refuse_change_of_acts" : undefined
                )
        ),
      { discard: true }
    )
  )
