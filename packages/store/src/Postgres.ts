/**
 * The connection to a PostgreSQL server, configured from outside.
 *
 * @since 0.1.0
 */
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Config from "effect/Config"
import type * as Layer from "effect/Layer"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"

/**
 * A pool of connections to `DATABASE_URL`, a libpq URI, which is kept `Redacted`.
 *
 * **Details**
 * `DATABASE_MAX_CONNECTIONS`: 10 unless set.
 * Connections are opened when they are first needed, so a server that can't be reached shows then.
 * For other settings build a `PgClient.layer` of your own: the store takes any.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<PgClient.PgClient | SqlClient, Config.ConfigError | SqlError> =
  PgClient.layerConfig({
    url: Config.Redacted("DATABASE_URL"),
    maxConnections: Config.Int("DATABASE_MAX_CONNECTIONS").pipe(Config.withDefault(10))
  })
