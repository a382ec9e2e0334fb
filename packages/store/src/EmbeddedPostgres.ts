/**
 * PostgreSQL inside the process, for people without a server: PGlite behind the ordinary SQL client.
 *
 * It has one session, so one statement runs at a time. It runs without fsync: what it acknowledged
 * survives a killed process, and may not survive a power cut.
 *
 * @since 0.1.0
 */
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { EmbeddedPostgresError } from "./EmbeddedPostgresError.ts"
import { openFolder, openMemory } from "./internal/postgres/embedded/pglite.ts"
import { connect } from "./internal/postgres/embedded/duplex.ts"

/**
 * The SQL client of an embedded database: in the folder `dataDir`, which is made when it isn't there,
 * or in memory.
 *
 * **Details**
 * A new database takes about 3 s to make, an old one 0.3 s to open; it uses 600 to 800 MB of memory.
 * A folder is open once at a time, over all threads, processes and containers that share it: opening it again fails with
 * `InUse`, after a wait of 5 s for an owner that is just dying. The system keeps the lock and frees it when the owner dies,
 * so a folder whose owner was killed opens, and so does a copy of an open one. Copying an open folder within the process
 * that has it open needs the program `flock` on Linux (util-linux or BusyBox): without it the copy frees the folder.
 * The folder is its user's alone, whatever the umask: its mode is 0700 and that of its files 0600. One of another user is
 * refused, and so is one that others may enter, unless it is empty or holds a log alone: then its mode is set.
 * A folder whose making was cut short is made again. Opening one needs `node:sqlite`: Node 22.13 or later.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options?: {
  readonly dataDir?: string | undefined
}): Layer.Layer<PgClient.PgClient | SqlClient, EmbeddedPostgresError | SqlError> =>
  Layer.unwrap(
    Effect.map(
      options?.dataDir === undefined ? openMemory : openFolder(options.dataDir),
      (database) =>
        PgClient.layer({
          stream: connect(database),
          ssl: false,
          username: "postgres",
          database: "postgres",
          // The one session that there is, never given back.
          maxConnections: 1,
          idleTimeout: Duration.infinity,
          // A query blocks the process while it runs, so a clock says nothing about the connection.
          connectTimeout: Duration.infinity
        })
    )
  )
