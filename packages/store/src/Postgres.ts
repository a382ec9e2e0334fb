/**
 * The connection to a PostgreSQL server, configured from outside.
 *
 * @since 0.1.0
 */
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Config from "effect/Config"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import * as DatabaseUrl from "./internal/databaseUrl.ts"
import * as Pooler from "./internal/pooler.ts"
import {
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
   * Parameters: those that `PgClient` knows (`sslmode`, `connect_timeout` in seconds, `application_name`), and
   * `prepare=true` or `prepare=false`.
   */
  readonly url: Redacted.Redacted<string>
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
  | PostgresUnavailable
  | PoolerForgetsStatements
  | SqlError

/**
 * A pool of connections, after one of them was tried.
 *
 * **Details**
 * Behind a pooler statements are not kept prepared, and the stores don't listen, unless they are told to.
 * Errors: `InvalidDatabaseUrl`; `PostgresUnavailable`, the server was not reached or refused the connection;
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
  Layer.unwrap(
    Effect.gen(function* () {
      return layerOf({
        url: yield* Config.Redacted("DATABASE_URL"),
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
  const { connectTimeout, server } = parsed
  const wanted = settings.prepare ?? parsed.prepare
  const atStart = { url, connectTimeout: connectTimeout ?? CONNECT_TIMEOUT.atStart }
  const unreachable = Effect.mapError(
    (cause: SqlError) => new PostgresUnavailable({ server, cause })
  )
  const isPooled = yield* unreachable(Pooler.looksPooled(atStart))
  if (isPooled && wanted === true && (yield* unreachable(Pooler.losesStatements(atStart)))) {
    return yield* new PoolerForgetsStatements({ server })
  }
  const prepare = wanted ?? !isPooled
  const config = {
    url,
    ...namesOf(server),
    maxConnections,
    prepare,
    connectTimeout: connectTimeout ?? CONNECT_TIMEOUT.later
  }
  if (isPooled) {
    Pooler.remember(config)
    yield* Effect.logInfo(
      `A pooler answers for ${describe(server)}: statements are ${prepare ? "" : "not "}kept prepared`
    )
  }
  return config
})

/** For the attributes of spans, which would say localhost otherwise. */
const namesOf = ({ database, host, port }: Server) => ({
  host,
  port,
  ...(database === undefined ? {} : { database })
})
