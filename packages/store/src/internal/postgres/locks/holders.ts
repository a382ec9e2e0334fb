/**
 * The sessions and prepared transactions that hold locks, as far as PostgreSQL shows them to this
 * role.
 */
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as PgTypes from "../../../sql/PgTypes.ts"
import * as Result from "effect/Result"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { Fragment } from "effect/sql/Statement"
import type { Holder } from "../../../PostgresLocks.ts"
import type { SchemaName } from "../../../PostgresSchema.ts"
import { APPENDER_LOCK, FEW_STREAMS, LARGE_CALLS } from "../schema/sqlParts.ts"

interface HolderRow {
  readonly pid: number | null
  readonly gid: string | null
  readonly user: string | null
  readonly state: string | null
  readonly since: Date | null
}

/** Returns the other sessions that hold a lock `l` in this database for which `held` is true. */
const holdersOf = (
  sql: SqlClient,
  held: Fragment
): Effect.Effect<ReadonlyArray<Holder>, SqlError> =>
  Effect.map(
    sql<HolderRow>`
      SELECT DISTINCT l.pid, p.gid, coalesce(a.usename, p.owner)::text AS "user", a.state,
        coalesce(a.xact_start, p.prepared) AS since
      FROM pg_catalog.pg_locks l
      LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
      LEFT JOIN pg_catalog.pg_locks t ON l.pid IS NULL AND t.pid IS NULL AND t.locktype = 'transactionid'
        AND t.mode = 'ExclusiveLock' AND t.virtualtransaction = l.virtualtransaction
      LEFT JOIN pg_catalog.pg_prepared_xacts p ON p.transaction = t.transactionid
      WHERE l.granted AND l.pid IS DISTINCT FROM pg_catalog.pg_backend_pid()
        AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d
          WHERE d.datname = pg_catalog.current_database()) AND ${held}
      ORDER BY since, l.pid LIMIT 8`,
    (rows) =>
      rows.map(({ gid, pid, since, state, user }) => ({
        pid: pid ?? undefined,
        gid: gid ?? undefined,
        user: user ?? undefined,
        state: state ?? undefined,
        since: since === null ? undefined : DateTime.fromDateUnsafe(since)
      }))
  )

/** The sequence of the log, which names its advisory locks. */
const sequenceOf = (sql: SqlClient, schema: SchemaName): Fragment =>
  sql`${sql.literal(`'"${schema}".append_number'`)}::pg_catalog.regclass::pg_catalog.oid`

/** The table of events. */
export const eventsOf = (sql: SqlClient, schema: SchemaName): Fragment =>
  sql`${sql.literal(`'"${schema}".events'`)}::pg_catalog.regclass::pg_catalog.oid`

/** Returns the transactions that have appended and not ended: appending locks the table. */
export const openAppends = (sql: SqlClient, schema: SchemaName) =>
  holdersOf(
    sql,
    sql`l.locktype = 'relation' AND l.relation = ${eventsOf(sql, schema)} AND l.mode = ${APPENDER_LOCK}`
  )

/** A condition on an advisory lock by a key of 64 bits. */
const byKey = (sql: SqlClient, key: Fragment): Fragment =>
  sql`l.locktype = 'advisory' AND l.objsubid = 1
    AND (l.classid::pg_catalog.int8 << 32 | l.objid::pg_catalog.int8) IN (${key})`

/**
 * Returns the holders that block an append: they hold one of its streams, its announcement, the
 * turn of large calls, or the table of events.
 */
export const holdersOfStreams = (
  sql: SqlClient,
  schema: SchemaName,
  streams: ReadonlyArray<string>
): Effect.Effect<ReadonlyArray<Holder>, SqlError> => {
  const large = streams.length > FEW_STREAMS ? LARGE_CALLS - 1 : -1
  const ids = Result.getOrThrow(PgTypes.array(streams, PgTypes.OID.text))
  const seed = sql`${sequenceOf(sql, schema)}::pg_catalog.int8`
  return holdersOf(
    sql,
    sql`(${byKey(
      sql,
      sql`SELECT pg_catalog.hashtextextended(s.id, ${seed}) FROM pg_catalog.unnest(${ids}) AS s(id)
      UNION ALL SELECT pg_catalog.hashtextextended('large call' || pg_catalog.chr(10) || i::pg_catalog.text, ${seed}) FROM pg_catalog.generate_series(0, ${sql.literal(String(large))}) AS i`
    )}
      OR l.locktype = 'advisory' AND l.objsubid = 2 AND l.mode = 'ExclusiveLock' AND l.classid = ${sequenceOf(sql, schema)}
      OR l.locktype = 'relation' AND l.relation = ${eventsOf(sql, schema)}
        AND l.mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock'))`
  )
}

/** Returns the holders of the turn of a text, or of any relation in a schema. */
export const holdersOfSchema = (
  sql: SqlClient,
  {
    schema,
    seed,
    turn
  }: { readonly schema: string; readonly turn: string; readonly seed?: string | undefined }
) =>
  holdersOf(
    sql,
    sql`(${byKey(sql, sql`pg_catalog.hashtextextended(${turn}, coalesce(pg_catalog.to_regclass(${seed ?? null}::text)::pg_catalog.oid::pg_catalog.int8, 0))`)}
      OR l.locktype = 'relation' AND l.relation IN (
        SELECT c.oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = ${schema}))`
  )
