/**
 * The environment of a run: the machine, the versions, the settings of the server.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as ChildProcess from "effect/process/ChildProcess"
import { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import * as Schema from "effect/Schema"
import type { SqlClient } from "effect/sql/SqlClient"
import { createRequire } from "node:module"
import * as Os from "node:os"
import * as Path from "node:path"

/** Reads the facts of the machine. */
export const machine = Effect.sync(() => ({
  cpu: Os.cpus()[0]?.model ?? "unknown",
  cores: Os.availableParallelism(),
  memoryGiB: Math.round(Os.totalmem() / 2 ** 30),
  os: `${Os.type()} ${Os.release()}`
}))

const SETTINGS = [
  "server_version",
  "jit",
  "fsync",
  "synchronous_commit",
  "full_page_writes",
  "wal_sync_method",
  "commit_delay",
  "max_connections",
  "shared_buffers",
  "max_wal_size"
] as const

/** Reads the settings of the server that affect the figures. */
export const settings = Effect.fnUntraced(function* (sql: SqlClient) {
  const rows = yield* sql<{ readonly name: string; readonly value: string }>`
    SELECT name, current_setting(name) AS value FROM unnest(${[...SETTINGS]}::text[]) AS s(name)`
  return Object.fromEntries(rows.map(({ name, value }) => [name, value]))
})

/** Reads the build of the server, and its ability to compile queries. */
export const build = Effect.fnUntraced(function* (sql: SqlClient) {
  const [row] = yield* sql<{ readonly version: string; readonly compiles: boolean }>`
    SELECT version() AS version, pg_jit_available() AS compiles`
  return row === undefined
    ? "unknown"
    : `${row.version}; JIT ${row.compiles ? "at work" : "off or not built in"}`
})

/** The manifest of the package, which has the versions of the peers, since it pins them. */
const Manifest = Schema.fromJsonString(
  Schema.Struct({ devDependencies: Schema.Record(Schema.String, Schema.String) })
)
const Installed = Schema.fromJsonString(Schema.Struct({ version: Schema.String }))

const PEERS = [
  "@event-driven-io/emmett-postgresql",
  "@castore/event-storage-adapter-postgres",
  "pg"
]

/** Reads the versions of the compared packages. */
export const versions = Effect.gen(function* () {
  const files = yield* FileSystem.FileSystem
  const manifest = Path.join(import.meta.dirname, "../package.json")
  const { devDependencies: pinned } = yield* Schema.decodeEffect(Manifest)(
    yield* files.readFileString(manifest)
  )
  const installed = (name: string) =>
    files
      .readFileString(createRequire(import.meta.url).resolve(`${name}/package.json`))
      .pipe(Effect.flatMap(Schema.decodeEffect(Installed)))
  return {
    node: process.version,
    effect: (yield* installed("effect")).version,
    "@effect/sql-pg": (yield* installed("@effect/sql-pg")).version,
    ...Object.fromEntries(PEERS.map((peer) => [peer, pinned[peer] ?? "unknown"]))
  }
})

/** Reads the checked-out commit; `unknown` outside of a clone. */
export const commit = Effect.gen(function* () {
  const spawner = yield* ChildProcessSpawner
  const output = yield* spawner.string(
    ChildProcess.make("git", ["rev-parse", "--short", "HEAD"], { cwd: import.meta.dirname })
  )
  return output.trim() || "unknown"
}).pipe(Effect.orElseSucceed(() => "unknown"))
