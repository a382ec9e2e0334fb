/**
 * A transaction whose connection may be lost.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import { BeginTransaction, type SqlClient } from "effect/sql/SqlClient"
import { isSqlError, type SqlError } from "effect/sql/SqlError"

/**
 * Runs the effect in a transaction, or in a savepoint of the caller's.
 *
 * To the client it is a defect that a connection which is gone can't be rolled back, and what the effect failed with is
 * lost. Here that is the failure, or the loss itself: the server rolls back what it hears no more of.
 */
export const transaction = <A, E, R>(
  sql: SqlClient,
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, E | SqlError, R> =>
  Effect.suspend(() => {
    let failure: Cause.Cause<E> | undefined
    const noted = Effect.onError(effect, (cause) =>
      Effect.sync(() => {
        failure = cause
      })
    )
    return Effect.catchCause(
      // Under a fixed snapshot who waited for a lock would not see what it waited for; a savepoint is as its transaction.
      Effect.flatMap(BeginTransaction, (outer) =>
        sql
          .withTransaction(Effect.provideService(noted, BeginTransaction, outer))
          .pipe(Effect.provideService(BeginTransaction, "BEGIN ISOLATION LEVEL READ COMMITTED"))
      ),
      (cause): Effect.Effect<never, E | SqlError> => {
        const loss = lossIn(cause)
        if (loss === undefined) return Effect.failCause(cause)
        // A savepoint inside of it died of the loss in the same way.
        const failed = failure?.reasons.find(Cause.isFailReason)
        return failed === undefined ? Effect.fail(loss) : Effect.fail(failed.error)
      }
    )
  })

/** What the client died of, when that is a connection that is gone. */
const lossIn = (cause: Cause.Cause<unknown>): SqlError | undefined =>
  cause.reasons
    .filter(Cause.isDieReason)
    .map(({ defect }) => defect)
    .find(isSqlError)
