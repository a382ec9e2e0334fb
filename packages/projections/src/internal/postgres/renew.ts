/**
 * Renews claims and marks inline read models in PostgreSQL, all of a host in one statement.
 *
 * A lock that another transaction holds is skipped: one long promotion keeps none of the host's
 * other claims from being renewed. No checkpoint is locked before its generation.
 */
import type { SchemaName } from "@daybook/store/PostgresSchema"
import { inTransaction } from "@daybook/store/sql/Transaction"
import * as PgTypes from "@daybook/store/sql/PgTypes"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { Marking, Renewal, Renewed } from "../../driver/ReadModelGeneration.ts"
import { quoted } from "./columns.ts"
import { millisOf } from "./locks.ts"

/** The generation of a renewal `a`, if its claim may be renewed. */
const HELD = `g.name = a.name AND g.generation = a.generation AND g.epoch = a.epoch
      AND g.owner IS NOT NULL AND g.role <> 'retired' AND g.mode = 'async'
      AND (a."from" IS NULL OR a."from" <= a."to" AND NOT g.paused AND g.poison IS NULL)`

const LEASE_ENDS = "clock_timestamp() + a.lease * interval '1 millisecond'"

/** Like a step, a renewal does not wait for the disk, outside of a transaction of the caller. */
const UNFLUSHED = ", set_config('synchronous_commit', 'off', true)"

const renewal = (schema: SchemaName, isCallers: boolean): string =>
  `WITH a AS MATERIALIZED (
    SELECT * FROM ROWS FROM (
      pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::bigint[]),
      pg_catalog.unnest($3::bigint[]), pg_catalog.unnest($4::double precision[]),
      pg_catalog.unnest($5::bigint[]), pg_catalog.unnest($6::bigint[]), pg_catalog.unnest($7::text[])
    ) WITH ORDINALITY AS a(name, generation, epoch, lease, "from", "to", event, place)
  ),
  locked AS MATERIALIZED (
    SELECT a.* FROM a JOIN ${quoted(schema)}.daybook__generations g ON ${HELD}
    FOR UPDATE OF g SKIP LOCKED
  ),
  extended AS (
    UPDATE ${quoted(schema)}.daybook__generations g SET lease_ends = ${LEASE_ENDS}
    FROM locked a
    WHERE a."from" IS NULL AND g.name = a.name AND g.generation = a.generation
    RETURNING a.place
  ),
  moved AS (
    UPDATE ${quoted(schema)}.daybook__checkpoints c
    SET "position" = a."to", event = a.event, lease_ends = ${LEASE_ENDS}
    FROM locked a
    WHERE c.name = a.name AND c.generation = a.generation AND c.partition = 0
      AND c."position" = a."from"
    RETURNING a.place
  )
  SELECT CASE
      WHEN a.place IN (SELECT place FROM extended UNION ALL SELECT place FROM moved) THEN 'renewed'
      WHEN a.place IN (SELECT place FROM locked) THEN 'lost'
      WHEN EXISTS (SELECT FROM ${quoted(schema)}.daybook__generations g WHERE ${HELD}) THEN 'busy'
      ELSE 'lost'
    END AS outcome${isCallers ? "" : UNFLUSHED}
  FROM a ORDER BY a.place`

/** Renews claims, and returns the outcome of each in their order. */
export const renew = (
  sql: SqlClient,
  schema: SchemaName,
  renewals: ReadonlyArray<Renewal>
): Effect.Effect<ReadonlyArray<Renewed>, SqlError> => {
  if (renewals.length === 0) return Effect.succeed([])
  const parameters = [
    texts(renewals.map(({ claim }) => claim.name)),
    integers(renewals.map(({ claim }) => BigInt(claim.generation))),
    integers(renewals.map(({ claim }) => BigInt(claim.epoch))),
    list(
      OID.float8,
      renewals.map(({ claim }) => millisOf(claim.lease))
    ),
    integers(renewals.map(({ checkpoint }) => checkpoint?.from ?? null)),
    integers(renewals.map(({ checkpoint }) => checkpoint?.to.position ?? null)),
    texts(renewals.map(({ checkpoint }) => checkpoint?.to.event ?? null))
  ]
  return Effect.flatMap(inTransaction(sql), (isCallers) =>
    Effect.map(
      sql.unsafe<{ readonly outcome: Renewed }>(renewal(schema, isCallers), parameters),
      (rows) => rows.map(({ outcome }) => outcome)
    )
  )
}

/** Moves the checkpoints of inline generations forward that are still the compared ones. */
export const mark = (
  sql: SqlClient,
  schema: SchemaName,
  markings: ReadonlyArray<Marking>
): Effect.Effect<void, SqlError> => {
  if (markings.length === 0) return Effect.void
  return Effect.asVoid(
    sql.unsafe(
      `WITH locked AS MATERIALIZED (
        SELECT a.* FROM ROWS FROM (
          pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::bigint[]),
          pg_catalog.unnest($3::bigint[]), pg_catalog.unnest($4::text[]),
          pg_catalog.unnest($5::bigint[]), pg_catalog.unnest($6::text[])
        ) AS a(name, generation, "from", compared, "to", event)
        JOIN ${quoted(schema)}.daybook__generations g
          ON g.name = a.name AND g.generation = a.generation AND g.mode = 'inline'
        FOR UPDATE OF g SKIP LOCKED
      )
      UPDATE ${quoted(schema)}.daybook__checkpoints c SET "position" = a."to", event = a.event
      FROM locked a
      WHERE c.name = a.name AND c.generation = a.generation AND c.partition = 0
        AND c."position" = a."from" AND c.event IS NOT DISTINCT FROM a.compared
        AND c."position" < a."to"`,
      [
        texts(markings.map(({ name }) => name)),
        integers(markings.map(({ generation }) => BigInt(generation))),
        integers(markings.map(({ compared }) => compared.position)),
        texts(markings.map(({ compared }) => compared.event)),
        integers(markings.map(({ reached }) => reached.position)),
        texts(markings.map(({ reached }) => reached.event))
      ]
    )
  )
}

const { OID } = PgTypes

/** Returns a column of values as one parameter; its element type must have an array type. */
const list = (elementOid: number, values: ReadonlyArray<string | number | bigint | null>) =>
  Result.getOrThrow(PgTypes.array(values, elementOid))

const texts = (values: ReadonlyArray<string | null>) => list(OID.text, values)

const integers = (values: ReadonlyArray<bigint | null>) => list(OID.int8, values)
