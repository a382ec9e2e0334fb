/**
 * Whether a pooler, such as PgBouncer, stands between a client and its server, and what it does with prepared statements.
 */
import * as PgConnection from "@effect/sql-pg/PgConnection"
import * as Effect from "effect/Effect"
import type { SqlError } from "effect/sql/SqlError"

/** Clients on poolers, by their configuration: a client without transforms is another object with the same one. */
const pooled = new WeakSet<object>()

export const remember = (config: object): void => {
  pooled.add(config)
}

export const isPooled = (config: object): boolean => pooled.has(config)

/**
 * A server says its own process id when a session starts. A pooler lends sessions, so it has to make up an id for what it
 * gives its clients: that is how a request to cancel finds its way.
 */
export const looksPooled = (config: PgConnection.Config): Effect.Effect<boolean, SqlError> =>
  Effect.scoped(
    Effect.gen(function* () {
      const connection = yield* PgConnection.make(config)
      const { rows } = yield* connection.query("SELECT pg_backend_pid() AS pid", [], false)
      return rows[0]?.["pid"] !== connection.processId
    })
  )

/** A pooler with one session makes who waits for another one wait long. */
const PATIENCE = "2 seconds"

/** PostgreSQL has codes for it, and poolers answer with their own. */
const isLoss = (error: SqlError): boolean => error.reason._tag !== "ConnectionError"

/** Prepares a statement in one session, has that session lent to another client, and looks for it again. */
export const losesStatements = (config: PgConnection.Config): Effect.Effect<boolean, SqlError> =>
  Effect.scoped(
    Effect.gen(function* () {
      const one = yield* PgConnection.make({ ...config, prepare: true })
      const other = yield* PgConnection.make({ ...config, prepare: false })
      const look = one.query("SELECT 1 AS prepared")
      yield* look
      yield* other.query("BEGIN", [], false)
      yield* other.query("SELECT 1", [], false)
      // In a transaction, since outside of one the client prepares again what was lost.
      return yield* Effect.andThen(one.query("BEGIN", [], false), look).pipe(
        Effect.as(false),
        Effect.catchIf(isLoss, () => Effect.succeed(true)),
        Effect.timeoutOrElse({ duration: PATIENCE, orElse: () => Effect.succeed(false) })
      )
    })
  )
