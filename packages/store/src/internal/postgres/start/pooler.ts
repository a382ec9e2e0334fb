/**
 * Detects a pooler, such as PgBouncer, between a client and its server, and whether it loses
 * prepared statements.
 */
import type * as PgConnection from "@effect/sql-pg/PgConnection"
import * as Effect from "effect/Effect"
import type { SqlError } from "effect/sql/SqlError"

/**
 * The clients on poolers, by their configuration: a client without transforms is another object
 * with the same configuration.
 */
const pooled = new WeakSet<object>()

export const remember = (config: object): void => {
  pooled.add(config)
}

/** Opens a connection, of the package that `Postgres` has loaded. */
const connect = (config: PgConnection.Config) =>
  Effect.flatMap(
    Effect.promise(() => import("@effect/sql-pg/PgConnection")),
    ({ make }) => make(config)
  )

export const isPooled = (config: object): boolean => pooled.has(config)

/**
 * Returns true if a pooler answers. A server reports its own process id when a session starts. A
 * pooler lends sessions, so it has to invent an id for its clients: a request to cancel uses it.
 */
export const looksPooled = (config: PgConnection.Config): Effect.Effect<boolean, SqlError> =>
  Effect.scoped(
    Effect.gen(function* () {
      const connection = yield* connect(config)
      const { rows } = yield* connection.query("SELECT pg_backend_pid() AS pid", [], false)
      return rows[0]?.["pid"] !== connection.processId
    })
  )

/** The longest wait: on a pooler with one session, the second client would wait long. */
const PATIENCE = "2 seconds"

/**
 * Returns true for a lost statement: PostgreSQL has codes for it, but poolers answer with their
 * own.
 */
const isLoss = (error: SqlError): boolean => error.reason._tag !== "ConnectionError"

/**
 * Prepares a statement in one session, has that session lent to another client, and runs the
 * statement again. Returns true if it is lost.
 */
export const losesStatements = (config: PgConnection.Config): Effect.Effect<boolean, SqlError> =>
  Effect.scoped(
    Effect.gen(function* () {
      const one = yield* connect({ ...config, prepare: true })
      const other = yield* connect({ ...config, prepare: false })
      const look = one.query("SELECT 1 AS prepared")
      yield* look
      yield* other.query("BEGIN", [], false)
      yield* other.query("SELECT 1", [], false)
      // In a transaction, since outside one the client prepares a lost statement again.
      return yield* Effect.andThen(one.query("BEGIN", [], false), look).pipe(
        Effect.as(false),
        Effect.catchIf(isLoss, () => Effect.succeed(true)),
        Effect.timeoutOrElse({ duration: PATIENCE, orElse: () => Effect.succeed(false) })
      )
    })
  )
