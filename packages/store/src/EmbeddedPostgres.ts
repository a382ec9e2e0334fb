/**
 * PostgreSQL inside the process, for use without a server: PGlite under the ordinary SQL client.
 *
 * It has one session, so one statement runs at a time. It runs without fsync: acknowledged writes
 * survive a killed process, but perhaps not a power cut.
 *
 * @since 0.1.0
 */
import type * as PgClient from "@effect/sql-pg/PgClient"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import * as ClusterTemplate from "./internal/postgres/embedded/clusterTemplate.ts"
import { connect } from "./internal/postgres/embedded/duplex.ts"
import { EmbeddedPostgresError } from "./internal/postgres/embedded/errors.ts"
import type * as Pglite from "./internal/postgres/embedded/pglite.ts"
import { load } from "./MissingPeer.ts"

/**
 * The error of the embedded database, and the facts in it.
 *
 * @category errors
 * @since 0.1.0
 */
export {
  EmbeddedPostgresError,
  type FolderOwner,
  type FolderRefusal
} from "./internal/postgres/embedded/errors.ts"

/**
 * The SQL client of an embedded database: in the folder `dataDir`, which is created if missing, or
 * in memory.
 *
 * **Details**
 * Cost: the first database of a user takes about 3 s to create, later ones 1 s, an existing one 0.3
 * s to open; it uses 600 to 800 MB of memory.
 * Lock: a folder is open once at a time, across all threads, processes and containers that share
 * it. Opening it again fails with `InUse`, after waiting 5 s for an owner that is terminating. The
 * operating system holds the lock and frees it when the owner dies, so the folder of a killed owner
 * opens, and so does a copy of an open folder. To copy a folder inside the process that has it
 * open, Linux needs the program `flock` (util-linux or BusyBox): without it the copy frees the
 * lock.
 * Mode: only its user may access the folder, whatever the umask: it has mode 0700 and its files
 * 0600. A folder of another user is refused. So is a folder that others may enter, unless it is
 * empty or holds only a log: then its mode is set.
 * A folder whose creation was interrupted is created again. Opening one needs `node:sqlite`: Node
 * 22.13 or later.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options?: {
  readonly dataDir?: string | undefined
  /**
   * The folder of the template that new databases are loaded from: a few megabytes, written by the
   * first one, and only used if no other user could have changed it. By default `daybook` in the
   * user's cache folder; false: each database is created by `initdb`.
   */
  readonly templates?: string | false | undefined
}): Layer.Layer<PgClient.PgClient | SqlClient, EmbeddedPostgresError | SqlError> =>
  Layer.unwrap(
    Effect.gen(function* () {
      const { Client, Opening } = yield* loadPeers(options?.dataDir)
      const database = yield* openOf(Opening, options?.dataDir, options?.templates)
      return Client.layer({
        stream: connect(database),
        ssl: false,
        username: "postgres",
        database: "postgres",
        // The only session, never released.
        maxConnections: 1,
        idleTimeout: Duration.infinity,
        // A query blocks the process while it runs, so a timeout says nothing about the
        // connection.
        connectTimeout: Duration.infinity
      })
    })
  )

const loadPeers = (dataDir: string | undefined) =>
  load("@daybook/store/EmbeddedPostgres", ["@electric-sql/pglite", "@effect/sql-pg"], async () => ({
    Opening: await import("./internal/postgres/embedded/pglite.ts"),
    Client: await import("@effect/sql-pg/PgClient")
  })).pipe(
    Effect.mapError(
      (cause) => new EmbeddedPostgresError({ dataDir, reason: { _tag: "Unusable", cause } })
    )
  )

const openOf = Effect.fnUntraced(function* (
  { openFolder, openMemory }: typeof Pglite,
  dataDir: string | undefined,
  chosen: Pglite.TemplateFolder | undefined
) {
  const templates = chosen ?? (yield* ClusterTemplate.defaultFolder)
  return yield* dataDir === undefined ? openMemory(templates) : openFolder(dataDir, templates)
})
