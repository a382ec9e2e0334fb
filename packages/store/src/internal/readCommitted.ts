/**
 * READ COMMITTED for what needs it, whatever a role or a database begins its transactions with.
 *
 * What waits for another writer must see what that one wrote, and the snapshot of another level is older than the wait.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { BeginTransaction, type SqlClient } from "effect/sql/SqlClient"
import { isSqlError, type SqlError } from "effect/sql/SqlError"
import { rootMessage } from "./rootMessage.ts"

/** Runs the effect in a READ COMMITTED transaction, or in a savepoint of the caller's, as that is. */
export const transaction = <A, E, R>(
  sql: SqlClient,
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, E | SqlError, R> =>
  Effect.flatMap(BeginTransaction, (outer) =>
    // What is run in it may begin transactions of other clients, which are none of its business.
    sql
      .withTransaction(Effect.provideService(effect, BeginTransaction, outer))
      .pipe(Effect.provideService(BeginTransaction, "BEGIN ISOLATION LEVEL READ COMMITTED"))
  )

/** Whether the caller has a transaction open on the client. */
export const inTransaction = (sql: SqlClient): Effect.Effect<boolean> =>
  Effect.map(Effect.serviceOption(sql.transactionService), Option.isSome)

/** The clients whose sessions begin with another level: each finds out once, and the others pay nothing for it. */
const otherwise = new WeakSet<SqlClient>()

/**
 * Runs one statement, which says for itself that it needs READ COMMITTED, under it; in a transaction of the caller as
 * that is.
 */
export const statement = <A>(
  sql: SqlClient,
  effect: Effect.Effect<A, SqlError>
): Effect.Effect<A, SqlError> => {
  const apart = Effect.catchCause(transaction(sql, effect), (cause) => {
    // To the client it is a defect that a connection which is gone can't be rolled back.
    const lost = cause.reasons
      .filter(Cause.isDieReason)
      .map(({ defect }) => defect)
      .find(isSqlError)
    return lost === undefined ? Effect.failCause(cause) : Effect.fail(lost)
  })
  return Effect.suspend(() =>
    otherwise.has(sql)
      ? Effect.flatMap(inTransaction(sql), (inside) => (inside ? effect : apart))
      : Effect.catchIf(
          effect,
          (error) => refusedIsolation(error) !== undefined,
          (error) =>
            Effect.flatMap(inTransaction(sql), (inside) => {
              if (inside) return Effect.fail(error)
              otherwise.add(sql)
              return apart
            })
        )
  )
}

/** The level under which a function of the log found itself and refused to go on. */
export const refusedIsolation = (error: SqlError): string | undefined =>
  /needs READ COMMITTED, not (.+)$/.exec(rootMessage(error))?.[1]
