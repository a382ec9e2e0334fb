/**
 * Pins the search path, so that SQL calls PostgreSQL's own functions, for authors of packages that
 * store tables beside the log.
 *
 * In a database that came from PostgreSQL 14 every role may create functions in `public`. An
 * overload there with the exact types of a call is a better match than PostgreSQL's own function,
 * which converts them, and would run with the rights of the role that deploys.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"

/**
 * Runs the effect in the caller's transaction, with names looked up in `pg_catalog` and in no
 * schema of a user.
 *
 * **Details**
 * `pg_temp` is named last: unnamed, it would be searched first for tables and types.
 *
 * @category operations
 * @since 0.1.0
 */
export const pinned = <A, E, R>(
  sql: SqlClient,
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, E | SqlError, R> =>
  Effect.gen(function* () {
    const [before] = yield* sql<{ readonly path: string; readonly quotes: string }>`
      SELECT pg_catalog.current_setting('search_path') AS path,
        pg_catalog.current_setting('quote_all_identifiers') AS quotes,
        pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true),
        -- Names that the server writes are compared with ours.
        pg_catalog.set_config('quote_all_identifiers', 'off', true)`
    const made = yield* effect
    // Only on success: a failure ends the transaction or its savepoint, which also restores the
    // path.
    yield* sql`SELECT pg_catalog.set_config('search_path', ${before?.path ?? ""}::text, true),
      pg_catalog.set_config('quote_all_identifiers', ${before?.quotes ?? "off"}::text, true)`
    return made
  })
