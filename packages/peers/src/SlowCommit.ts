/**
 * Simulates a disk with slower commits, by settings of the server: with `commit_delay` the session
 * that flushes the log for itself and all waiting ones sleeps before the flush, with
 * `commit_siblings` 0 even if no other session is writing. Commits still go in groups, as they do
 * on a slow disk.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"

/** The additional time of a commit. */
export const MILLIS = 2.5

/**
 * Runs an effect with slow commits on the whole server, which must have no other work meanwhile.
 */
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
    // The server signals its sessions, and each reloads the settings before its next statement.
    yield* Effect.sleep(Duration.seconds(1))
  }).pipe(Effect.orDie)
