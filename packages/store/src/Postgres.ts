/**
 * The connection to a PostgreSQL server, configured from outside.
 *
 * @since 0.1.0
 */
import * as PgClient from "@effect/sql-pg/PgClient"
import type * as PgConnection from "@effect/sql-pg/PgConnection"
import * as Cause from "effect/Cause"
import * as Config from "effect/Config"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type { SqlClient } from "effect/sql/SqlClient"
import { ConnectionError, SqlError } from "effect/sql/SqlError"
import type { ConnectionOptions } from "node:tls"
import * as DatabaseUrl from "./internal/postgres/start/databaseUrl.ts"
import * as Pooler from "./internal/postgres/start/pooler.ts"
import * as Tls from "./internal/postgres/start/tls.ts"
import type { TlsPlan } from "./internal/postgres/start/tlsPlan.ts"
import {
  type CertificateUnusable,
  describe,
  type InvalidDatabaseUrl,
  PoolerForgetsStatements,
  PostgresUnavailable,
  type Server
} from "./PostgresStart.ts"

/**
 * Where the server is, and how it is used.
 *
 * @category types
 * @since 0.1.0
 */
export interface Settings {
  /**
   * A libpq URI, `postgres://user:password@host:port/database`. Reserved characters in its parts are percent-encoded.
   *
   * **Details**
   * Parameters, as libpq has them: `sslmode`, `sslrootcert`, `sslcert`, `sslkey` and `sslpassword`, `connect_timeout` in
   * seconds, `application_name`, `options`, `host`, `port`, `user`, `password` and `dbname`; and `prepare=true` or
   * `prepare=false`. Any other one is refused, and so is a value that can't be honoured, as `channel_binding=require`.
   * TLS: without an `sslmode` none on the machine itself, and elsewhere `prefer`; a connection that others could read or
   * answer is told in a warning. `require` verifies the server as `verify-full` does.
   */
  readonly url: Redacted.Redacted<string>
  /**
   * Gives the password, instead of the URL: it runs for each new connection, so that a password or a token may change
   * while the pool lives.
   *
   * **Details**
   * When it fails, so does the connection, as a lost one does; it has the time that a connection may take to open.
   */
  readonly password?: Effect.Effect<Redacted.Redacted<string>, unknown> | undefined
  /** How many connections are open at most, {@link MAX_CONNECTIONS} by default. A statement that finds none free waits in turn, for as long as it takes. */
  readonly maxConnections?: number | undefined
  /**
   * If true, sessions keep statements prepared, which is faster and needs a session that stays with its client.
   *
   * **Details**
   * By default as the URL says, or else yes unless a pooler answers.
   */
  readonly prepare?: boolean | undefined
}

/**
 * How many connections a pool opens at most unless told otherwise.
 *
 * @category limits
 * @since 0.1.0
 */
export const MAX_CONNECTIONS = 10

/**
 * How long a connection may take to open, unless the URL has a `connect_timeout`: at start, and in a burst later, when a
 * busy machine is slow and not dead.
 *
 * @category limits
 * @since 0.1.0
 */
export const CONNECT_TIMEOUT = {
  atStart: Duration.seconds(5),
  later: Duration.seconds(30)
} as const

/**
 * The reason for which there is no connection.
 *
 * @category errors
 * @since 0.1.0
 */
export type StartError =
  | InvalidDatabaseUrl
  | CertificateUnusable
  | PostgresUnavailable
  | PoolerForgetsStatements
  | SqlError

/**
 * A pool of connections, after one of them was tried.
 *
 * **Details**
 * Behind a pooler statements are not kept prepared, and the stores don't listen, unless they are told to.
 * Errors: `InvalidDatabaseUrl`; `CertificateUnusable`, a file for TLS; `PostgresUnavailable`, the server was not reached or refused the connection;
 * `PoolerForgetsStatements`, `prepare` is on behind a pooler that loses what is prepared.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerOf = (
  settings: Settings
): Layer.Layer<PgClient.PgClient | SqlClient, StartError> =>
  Layer.unwrap(Effect.map(configOf(settings), PgClient.layer))

/**
 * {@link layerOf} the settings in the configuration: `DATABASE_URL`, which is kept `Redacted`, `DATABASE_MAX_CONNECTIONS`
 * and `DATABASE_PREPARE`.
 *
 * **Details**
 * For other settings build a `PgClient.layer` of your own: the store takes any.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<PgClient.PgClient | SqlClient, Config.ConfigError | StartError> =
  Layer.suspend(() => layerConfigured(undefined))

/**
 * {@link layer} with a password that may change: `password` runs for each new connection, also of the one that listens.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerPassword = (
  password: Effect.Effect<Redacted.Redacted<string>, unknown>
): Layer.Layer<PgClient.PgClient | SqlClient, Config.ConfigError | StartError> =>
  layerConfigured(password)

const layerConfigured = (password: Settings["password"]) =>
  Layer.unwrap(
    Effect.gen(function* () {
      return layerOf({
        url: yield* Config.Redacted("DATABASE_URL"),
        password,
        maxConnections: yield* Config.Int("DATABASE_MAX_CONNECTIONS").pipe(
          Config.withDefault(MAX_CONNECTIONS)
        ),
        prepare: Option.getOrUndefined(yield* Config.option(Config.Boolean("DATABASE_PREPARE")))
      })
    })
  )

const configOf = Effect.fnUntraced(function* ({
  maxConnections = MAX_CONNECTIONS,
  url,
  ...settings
}: Settings): Effect.fn.Return<PgClient.PgPoolConfig, StartError> {
  const parsed = yield* Effect.fromResult(DatabaseUrl.parse(Redacted.value(url)))
  const { applicationName, connectTimeout, server, startupOptions, tls } = parsed
  const wanted = settings.prepare ?? parsed.prepare
  // Not the URL: the client reads it in its own way.
  const common = {
    ...server,
    applicationName,
    startupOptions,
    password: settings.password === undefined ? parsed.password : provider(settings.password)
  }
  const atStart = { ...common, connectTimeout: connectTimeout ?? CONNECT_TIMEOUT.atStart }
  const unreachable = Effect.mapError(
    (cause: SqlError) => new PostgresUnavailable({ server, cause })
  )
  const ssl =
    tls._tag === "Required" ? yield* Tls.verified(tls) : tls._tag === "Offered" && Tls.unverified
  const first = yield* unreachable(look({ ...atStart, ssl }, tls))
  yield* warn(server, tls, first.ssl)
  if (first.isPooled && wanted === true) {
    const loses = yield* unreachable(Pooler.losesStatements({ ...atStart, ssl: first.ssl }))
    if (loses) return yield* new PoolerForgetsStatements({ server })
  }
  const prepare = wanted ?? !first.isPooled
  const config: PgClient.PgPoolConfig = {
    ...common,
    ssl: first.ssl,
    maxConnections,
    prepare,
    connectTimeout: connectTimeout ?? CONNECT_TIMEOUT.later
  }
  if (first.isPooled) {
    Pooler.remember(config)
    yield* Effect.logInfo(
      `A pooler answers for ${describe(server)}: statements are ${prepare ? "" : "not "}kept prepared`
    )
  }
  return config
})

interface First {
  readonly isPooled: boolean
  readonly ssl: false | ConnectionOptions
}

/** The first connection says whether there is TLS where it is only preferred: later ones do as it did. */
const look = (
  config: PgConnection.Config & { readonly ssl: false | ConnectionOptions },
  tls: TlsPlan
): Effect.Effect<First, SqlError> =>
  Pooler.looksPooled(config).pipe(
    Effect.map((isPooled): First => ({ isPooled, ssl: config.ssl })),
    Effect.catchIf(
      (error) => tls._tag === "Offered" && Tls.isWithoutTls(error),
      () =>
        Effect.map(Pooler.looksPooled({ ...config, ssl: false }), (isPooled): First => ({
          isPooled,
          ssl: false
        }))
    )
  )

/** Where TLS is switched off, the network was said to be trusted. */
const warn = (server: Server, tls: TlsPlan, ssl: First["ssl"]): Effect.Effect<void> =>
  tls._tag !== "Offered" || !tls.isRemote
    ? Effect.void
    : Effect.logWarning(
        `The connection to ${describe(server)} is ${
          ssl === false ? "not encrypted" : "encrypted for a server that is not verified"
        }: others can read what it carries, the password too. ` +
          "Add sslmode=verify-full to the URL, or sslmode=disable if the network is trusted"
      )

const provider = (
  password: Effect.Effect<Redacted.Redacted<string>, unknown>
): Effect.Effect<Redacted.Redacted<string>> =>
  Effect.catchCause(
    password,
    (cause) =>
      Cause.hasInterruptsOnly(cause)
        ? Effect.interrupt
        : Effect.fail(
            new SqlError({
              reason: new ConnectionError({
                cause: Cause.squash(cause),
                message: "The provider of the password failed",
                operation: "connect"
              })
            })
          )
    // The client's type has no place for the error. It passes it on, and its own is the same.
  ) as Effect.Effect<Redacted.Redacted<string>>
