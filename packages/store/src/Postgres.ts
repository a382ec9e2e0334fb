/**
 * The connection to a PostgreSQL server, configured by the environment.
 *
 * @since 0.1.0
 */
import type * as PgClient from "@effect/sql-pg/PgClient"
import type * as PgConnection from "@effect/sql-pg/PgConnection"
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Config from "effect/Config"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { SqlClient } from "effect/sql/SqlClient"
import { ConnectionError, SqlError } from "effect/sql/SqlError"
import type { ConnectionOptions } from "node:tls"
import * as Servers from "./internal/postgres/servers/servers.ts"
import { load, type MissingPeer } from "./MissingPeer.ts"
import * as DatabaseUrl from "./internal/postgres/start/databaseUrl.ts"
import * as Pooler from "./internal/postgres/start/pooler.ts"
import * as Tls from "./internal/postgres/start/tls.ts"
import type { TlsPlan } from "./internal/postgres/start/tlsPlan.ts"
import {
  type CertificateUnusable,
  describe,
  type InvalidDatabaseUrl,
  NoPrimary,
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
   * A libpq URI, `postgres://user:password@host:port/database`, or with several servers
   * `postgres://user:password@one:port,two:port/database`. Reserved characters in its parts are
   * percent-encoded.
   *
   * **Details**
   * Several servers, or `target_session_attrs=read-write` or `primary`: the pool follows the
   * primary, also to another server or timeline; see `PostgresServers`.
   * Parameters, as in libpq: `sslmode`, `sslrootcert`, `sslcert`, `sslkey` and `sslpassword`,
   * `connect_timeout` in seconds, `application_name`, `options`, `target_session_attrs`, `host`,
   * `port`, `user`, `password` and `dbname`; also `prepare=true` or `prepare=false`. Any other
   * parameter is refused, and so is a value that can't be honoured, such as
   * `channel_binding=require`.
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
  | NoPrimary
  | PoolerForgetsStatements
  | MissingPeer
  | SqlError

/**
 * Opens a pool of connections, after trying one of them.
 *
 * **Details**
 * Through a pooler, by default, statements are not kept prepared and the stores don't listen.
 * Errors: `InvalidDatabaseUrl`; `CertificateUnusable`, a file for TLS; `PostgresUnavailable`, the
 * server was not reached or refused the connection; `NoPrimary`, none of the servers to choose from
 * is a primary; `PoolerForgetsStatements`, `prepare` is on and the pooler loses prepared
 * statements; `MissingPeer`, `@effect/sql-pg` is not installed.
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

const configOf = Effect.fnUntraced(function* (
  settings: Settings
): Effect.fn.Return<PgClient.PgPoolConfig, StartError, Scope.Scope> {
  const parsed = yield* Effect.fromResult(DatabaseUrl.parse(Redacted.value(settings.url)))
  return yield* parsed.target === "any" ? toOne(settings, parsed) : toPrimary(settings, parsed)
})

/** Connects to the one server of the URL, whatever it is. */
const toOne = Effect.fnUntraced(function* (
  { maxConnections = MAX_CONNECTIONS, ...settings }: Settings,
  parsed: DatabaseUrl.DatabaseUrl
): Effect.fn.Return<PgClient.PgPoolConfig, StartError> {
  const { applicationName, connectTimeout, startupOptions } = parsed
  const { server, tls } = parsed.servers[0]
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
  if (first.isPooled) yield* pooled(config, server, prepare)
  return config
})

/** Connects to the primary among the servers of the URL, and follows it. */
const toPrimary = Effect.fnUntraced(function* (
  { maxConnections = MAX_CONNECTIONS, ...settings }: Settings,
  parsed: DatabaseUrl.DatabaseUrl
): Effect.fn.Return<PgClient.PgPoolConfig, StartError, Scope.Scope> {
  const { applicationName, connectTimeout, startupOptions, target } = parsed
  const wanted = settings.prepare ?? parsed.prepare
  const password = settings.password === undefined ? parsed.password : provider(settings.password)
  // The parsed parts, not the URL: the client would parse it by its own rules.
  const { database, host, port, username } = parsed.servers[0].server
  const login = { host, port, database, username, startupOptions, password }
  const candidates = yield* Effect.all(
    Arr.map(parsed.servers, ({ server, tls }) =>
      Effect.map(
        tls._tag === "Required" ? Tls.verified(tls) : Effect.succeed(Tls.unverified),
        (options): Servers.Candidate => ({
          server,
          ssl: tls._tag === "Off" ? false : { options, offered: tls._tag === "Offered" }
        })
      )
    )
  )
  const servers = yield* Servers.make({ candidates, target, login })
  const common: PgConnection.Config = {
    ...login,
    applicationName,
    // It runs before each connection opens.
    password: Effect.andThen(
      passingErrorsOn(servers.find),
      Effect.isEffect(password) ? password : Effect.succeed(password ?? Redacted.make(""))
    ),
    ssl: false,
    stream: servers.open
  }
  const atStart = { ...common, connectTimeout: connectTimeout ?? CONNECT_TIMEOUT.atStart }
  const unavailable = (cause: SqlError) =>
    cause.reason.cause instanceof NoPrimary
      ? cause.reason.cause
      : new PostgresUnavailable({ server: parsed.servers[0].server, cause })
  yield* Effect.mapError(servers.find, unavailable)
  const isPooled = yield* Effect.mapError(Pooler.looksPooled(atStart), unavailable)
  const { server } = servers.current() ?? parsed.servers[0]
  for (const one of parsed.servers) yield* warn(one.server, one.tls, "if it can")
  if (isPooled && wanted === true) {
    if (yield* Effect.mapError(Pooler.losesStatements(atStart), unavailable)) {
      return yield* new PoolerForgetsStatements({ server })
    }
  }
  const prepare = wanted ?? !isPooled
  const config: PgClient.PgPoolConfig = {
    ...common,
    maxConnections,
    prepare,
    connectTimeout: connectTimeout ?? CONNECT_TIMEOUT.later
  }
  Servers.remember(config, servers)
  if (isPooled) yield* pooled(config, server, prepare)
  return config
})

const pooled = (
  config: PgClient.PgPoolConfig,
  server: Server,
  prepare: boolean
): Effect.Effect<void> => {
  Pooler.remember(config)
  return Effect.logInfo(
    `A pooler answers for ${describe(server)}: statements are ${prepare ? "" : "not "}kept prepared`
  )
}

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
const warn = (server: Server, tls: TlsPlan, ssl: First["ssl"] | "if it can"): Effect.Effect<void> =>
  tls._tag !== "Offered" || !tls.isRemote
    ? Effect.void
    : Effect.logWarning(
        `The connection to ${describe(server)} is ${
          ssl === false
            ? "not encrypted"
            : `encrypted${ssl === "if it can" ? " if the server can" : ""} for a server that is not verified`
        }: others can read what it carries, the password too. ` +
          "Add sslmode=verify-full to the URL, or sslmode=disable if the network is trusted"
      )

const provider = (
  password: Effect.Effect<Redacted.Redacted<string>, unknown>
): Effect.Effect<Redacted.Redacted<string>> =>
  passingErrorsOn(
    Effect.catchCause(password, (cause) =>
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
    )
  )

/** The client's type has no error here, but it passes the error on, of the same type as its own. */
const passingErrorsOn = <A>(effect: Effect.Effect<A, SqlError>): Effect.Effect<A> =>
  effect as Effect.Effect<A>
