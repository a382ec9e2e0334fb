/**
 * Time that passes in the server, for waits for other sessions.
 *
 * Such a wait is real under any `Clock`: under one that stands still, a wait by that `Clock` would
 * never end.
 */
import * as PgTypes from "../../../sql/PgTypes.ts"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"

/** Sleeps in the server, on one connection, and returns its time afterwards, in milliseconds. */
export const sleep = (sql: SqlClient, millis: number): Effect.Effect<number, SqlError> =>
  Effect.map(
    sql<{ readonly seconds: number }>`
      SELECT extract(epoch FROM pg_catalog.clock_timestamp())::pg_catalog.float8 AS seconds
      FROM pg_catalog.pg_sleep(${PgTypes.float8(millis / 1_000)})`,
    (rows) => Math.round(Arr.getUnsafe(rows, 0).seconds * 1_000)
  )

/** Returns the time of the server, in milliseconds. */
export const now = (sql: SqlClient): Effect.Effect<number, SqlError> => sleep(sql, 0)
