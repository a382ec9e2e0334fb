/**
 * A disk on which a commit takes longer, made by the server itself: `commit_delay` lets the one that
 * writes the log for itself and for all who wait sleep before it does, and `commit_siblings` 0 lets it
 * do so when nobody else is writing too. Commits still go in groups, as they do on a slow disk.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"

/** How much longer. */
export const MILLIS = 2.5

/** Runs with slow commits; nobody else may commit in the meantime. */
export const during = <A, E, R>(sql: SqlClient, effect: Effect.Effect<A, E, R>) =>
  Effect.acquireUseRelease(
    set(sql, { commit_delay: `${MILLIS * 1_000}`, commit_siblings: "0" }),
    () => effect,
    () => set(sql, { commit_delay: "DEFAULT", commit_siblings: "DEFAULT" })
  )

const set = (sql: SqlClient, settings: Record<string, string>) =>
  Effect.gen(function* () {
    for (const [name, value] of Object.entries(settings)) {
      yield* sql`ALTER SYSTEM SET ${sql.literal(name)} = ${sql.literal(value)}`.unprepared
    }
    yield* sql`SELECT pg_reload_conf()`
    // The server tells its sessions, and each looks before its next statement.
    yield* Effect.sleep(Duration.seconds(1))
  }).pipe(Effect.orDie)
