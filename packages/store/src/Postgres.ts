/**
 * The connection to a PostgreSQL server, configured by the environment.
 *
 * @since 0.1.0
 */
import type * as PgClient from "@effect/sql-pg/PgClient"
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
import { load, type MissingPeer } from "./MissingPeer.ts"
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
 * The address of the server and the settings of its connections.
 *
 * @category types
 * @since 0.1.0
 */
export interface Settings {
  /**
   * A libpq URI, `postgres://user:password@host:port/database`. Reserved characters in its parts
   * are percent-encoded.
   *
   * **Details**
   * Parameters, as in libpq: `sslmode`, `sslrootcert`, `sslcert`, `sslkey` and `sslpassword`,
   * `connect_timeout` in seconds, `application_name`, `options`, `host`, `port`, `user`, `password`
   * and `dbname`; also `prepare=true` or `prepare=false`. Any other parameter is refused, and so is
   * a value that can't be honoured, such as `channel_binding=require`.
   * TLS: without an `sslmode`, none on the local machine and `prefer` elsewhere. A connection that
   * others could read or answer logs a warning. `require` verifies the server like `verify-full`.
   */
  readonly url: Redacted.Redacted<string>
  /**
   * Provides the password in place of the one in the URL. It runs for each new connection, so a
   * password or token may change during the life of the pool.
   *
   * **Details**
   * If it fails, the connection fails like a lost one. It must end within the connect timeout.
   */
  readonly password?: Effect.Effect<Redacted.Redacted<string>, unknown> | undefined
  /**
   * The maximum number of open connections, {@link MAX_CONNECTIONS} by default. A statement that
   * finds none free waits in turn, without a limit.
   */
  readonly maxConnections?: number | undefined
  /**
   * If true, sessions keep statements prepared, which is faster and needs a session that stays with
   * its client.
   *
   * **Details**
   * Defaults to the URL's `prepare`, or else to true unless a pooler answers.
   */
  readonly prepare?: boolean | undefined
}

/**
 * The default of the maximum number of connections of a pool.
 *
 * @category limits
 * @since 0.1.0
 */
export const MAX_CONNECTIONS = 10

/**
 * The time within which a connection must open, unless the URL has a `connect_timeout`: at start,
 * and later, when a busy machine may be slow in a burst without being down.
 *
 * @category limits
 * @since 0.1.0
 */
export const CONNECT_TIMEOUT = {
  atStart: Duration.seconds(5),
  later: Duration.seconds(30)
} as const

/**
 * The errors that prevent a connection.
 *
 * @category errors
 * @since 0.1.0
 */
export type StartError =
  | InvalidDatabaseUrl
  | CertificateUnusable
  | PostgresUnavailable
  | PoolerForgetsStatements
  | MissingPeer
  | SqlError

/**
 * Opens a pool of connections, after trying one of them.
 *
 * **Details**
 * Through a pooler, by default, statements are not kept prepared and the stores don't listen.
 * Errors: `InvalidDatabaseUrl`; `CertificateUnusable`, a file for TLS; `PostgresUnavailable`, the
 * server was not reached or refused the connection; `PoolerForgetsStatements`, `prepare` is on and
 * the pooler loses prepared statements; `MissingPeer`, `@effect/sql-pg` is not installed.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerOf = (
  settings: Settings
): Layer.Layer<PgClient.PgClient | SqlClient, StartError> =>
  Layer.unwrap(
    Effect.gen(function* () {
      const { layer: layerClient } = yield* loadClient
      return layerClient(yield* configOf(settings))
    })
  )

const loadClient = load(
  "@daybook/store/Postgres",
  ["@effect/sql-pg"],
  () => import("@effect/sql-pg/PgClient")
)

/**
 * Opens {@link layerOf} the settings in the configuration: `DATABASE_URL`, which stays `Redacted`,
 * `DATABASE_MAX_CONNECTIONS` and `DATABASE_PREPARE`.
 *
 * **Details**
 * For other settings build a `PgClient.layer` of your own: the store accepts any.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<PgClient.PgClient | SqlClient, Config.ConfigError | StartError> =
  Layer.suspend(() => layerConfigured(undefined))

/**
 * Opens {@link layer} with a password that may change: `password` runs for each new connection,
 * also for the one that listens.
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
  // The parsed parts, not the URL: the client would parse it by its own rules.
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

/**
 * Opens the first connection, which decides on TLS where it is only preferred, also for later ones.
 */
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

/**
 * Warns of a connection to another machine that is not encrypted or not verified.
 * `sslmode=disable` declares a trusted network.
 */
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
    // The client's type has no error here, but it passes the error on, of the same type as its own.
  ) as Effect.Effect<Redacted.Redacted<string>>
