/**
 * Transactions under READ COMMITTED, for authors of packages that store tables beside the log.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { BeginTransaction, type SqlClient } from "effect/sql/SqlClient"
import { isSqlError, type SqlError } from "effect/sql/SqlError"

/**
 * Runs the effect in a READ COMMITTED transaction, or in a savepoint of the caller's transaction,
 * at the caller's level.
 *
 * **Details**
 * Under a fixed snapshot, a statement that waited for a lock would not see the holder's writes. The
 * client reports a lost connection as a defect, since it cannot roll back. Here the loss is an
 * `SqlError`, or the error that the effect had failed with before; the server rolls back what a
 * lost connection left open.
 *
 * @category operations
 * @since 0.1.0
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
      Effect.flatMap(BeginTransaction, (outer) =>
        // Transactions of other clients that begin inside keep their own level.
        sql
          .withTransaction(Effect.provideService(noted, BeginTransaction, outer))
          .pipe(Effect.provideService(BeginTransaction, "BEGIN ISOLATION LEVEL READ COMMITTED"))
      ),
      (cause): Effect.Effect<never, E | SqlError> => {
        const loss = lossIn(cause)
        if (loss === undefined) return Effect.failCause(cause)
        // A savepoint inside it died of the same loss.
        const failed = failure?.reasons.find(Cause.isFailReason)
        return failed === undefined ? Effect.fail(loss) : Effect.fail(failed.error)
      }
    )
  })

/** Returns the error that the client died of, if it is a lost connection. */
const lossIn = (cause: Cause.Cause<unknown>): SqlError | undefined =>
  cause.reasons
    .filter(Cause.isDieReason)
    .map(({ defect }) => defect)
    .find(isSqlError)

/**
 * Returns true if the caller has a transaction open on the client.
 *
 * @category operations
 * @since 0.1.0
 */
export const inTransaction = (sql: SqlClient): Effect.Effect<boolean> =>
  Effect.map(Effect.serviceOption(sql.transactionService), Option.isSome)
