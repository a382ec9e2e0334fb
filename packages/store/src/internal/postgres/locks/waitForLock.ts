/**
 * Waits for locks step by step, up to a limit.
 *
 * A session that waits for a lock blocks those that ask for it later. So each wait is short, and is
 * repeated.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Random from "effect/Random"
import type { SqlClient } from "effect/sql/SqlClient"
import { isSqlError, LockTimeoutError, SqlError } from "effect/sql/SqlError"
import { type Holder, LockHeld } from "../../../PostgresLocks.ts"
import type { Limiter } from "../../batch/limiter.ts"
import * as ServerTime from "../sql/serverTime.ts"

/** Returns the error of the database that an error is or was caused by, through a few layers. */
export const sqlErrorIn = (error: unknown): SqlError | undefined => {
  for (let depth = 0, found = error; depth < 8; depth++) {
    if (isSqlError(found)) return found
    if (!Predicate.hasProperty(found, "cause")) return undefined
    found = found.cause
  }
  return undefined
}

/** Returns true if an error, in whatever layer, is a lock that was not granted in time. */
export const isLockTimeout = (error: unknown): boolean =>
  sqlErrorIn(error)?.reason._tag === "LockTimeoutError"

/**
 * Returns true if the lock table of the server was full (SQLSTATE 53200): others soon free their
 * entries.
 */
export const isOutOfLocks = (error: unknown): boolean => {
  const cause = sqlErrorIn(error)?.reason.cause
  return Predicate.hasProperty(cause, "code") && cause.code === "53200"
}

/** An entry in the lock table is free again when a call of others has ended. */
const CROWDED_MILLIS = 20

interface Waiting {
  readonly sql: SqlClient
  readonly patience: Duration.Duration
  /** The wait of the first try in the server; measured if absent, by a statement before it. */
  readonly tryMillis?: number
  /** The pause between two tries. */
  readonly pauseMillis: number
  /** The thing that is waited for, in words. */
  readonly what: string
  readonly holders: Effect.Effect<ReadonlyArray<Holder>, SqlError>
  /** Bounds the tries after the first one that run at once. */
  readonly turn?: Limiter
}

/**
 * Repeats work whose lock was not granted in time, as long as `patience` lasts; then fails with the
 * holders of the lock. Pauses and the time that has passed are the server's.
 */
export const patiently = <A, E, R>(
  effect: Effect.Effect<A, E | SqlError, R>,
  { holders, patience, pauseMillis, sql, tryMillis, turn, what }: Waiting
): Effect.Effect<A, E | SqlError, R> =>
  Effect.gen(function* () {
    const isMeasured = tryMillis === undefined && !Duration.isZero(patience)
    let began = isMeasured ? yield* ServerTime.now(sql) : undefined
    const orAgain = (tried: Effect.Effect<A, E | SqlError, R>) =>
      Effect.catch(tried, (error) =>
        isLockTimeout(error) || isOutOfLocks(error) ? again(error) : Effect.fail(error)
      )
    const again = Effect.fnUntraced(function* (
      error: E | SqlError
    ): Effect.fn.Return<A, E | SqlError, R> {
      const now = Duration.isZero(patience)
        ? 0
        : // In a transaction that the refusal has aborted no statement can follow.
          yield* Effect.mapError(ServerTime.now(sql), () => error)
      began ??= now - (tryMillis ?? 0)
      const waitedMillis = now - began
      if (waitedMillis >= Duration.toMillis(patience)) {
        if (isOutOfLocks(error)) return yield* Effect.fail(error)
        // A failure to find the holders must not hide that the lock is held.
        const found = yield* Effect.orElseSucceed(holders, () => [])
        const cause = new LockHeld({ what, waitedMillis, holders: found })
        const operation = isSqlError(error) ? error.reason.operation : undefined
        return yield* new SqlError({
          reason: new LockTimeoutError({ cause, message: cause.message, operation })
        })
      }
      // Jitter, so that waiters for one lock return one by one.
      const pause =
        (isOutOfLocks(error) ? Math.max(pauseMillis, CROWDED_MILLIS) : pauseMillis) *
        (0.8 + 0.4 * (yield* Random.next))
      if (pause > 0) yield* ServerTime.sleep(sql, pause)
      return yield* orAgain(turn === undefined ? effect : turn(effect))
    })
    return yield* orAgain(effect)
  })

/** Returns the error that a wait for a lock ended with, or the error itself. */
export const lockHeldIn = (error: SqlError): SqlError | LockHeld =>
  error.reason.cause instanceof LockHeld ? error.reason.cause : error

/**
 * Limits each wait for a lock in `work`, inside the caller's transaction. Later statements wait as
 * before.
 */
export const boundedWaits = <A, E, R>(
  sql: SqlClient,
  millis: number,
  work: Effect.Effect<A, E, R>
): Effect.Effect<A, E | SqlError, R> =>
  Effect.gen(function* () {
    const [before] = yield* sql<{ readonly timeout: string }>`
      SELECT pg_catalog.current_setting('lock_timeout') AS timeout,
        pg_catalog.set_config('lock_timeout', ${`${millis}ms`}::text, true)`
    const answer = yield* work
    // If `work` fails, the transaction or its savepoint ends, and the setting with it.
    yield* sql`SELECT pg_catalog.set_config('lock_timeout', ${before?.timeout ?? "0"}::text, true)`
    return answer
  })
