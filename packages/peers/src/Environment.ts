/**
 * Where a run took place: the machine, the versions, the settings of the server.
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

/** The machine. */
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

/** What the server says of the settings that figures hang on. */
export const settings = Effect.fnUntraced(function* (sql: SqlClient) {
  const rows = yield* sql<{ readonly name: string; readonly value: string }>`
    SELECT name, current_setting(name) AS value FROM unnest(${[...SETTINGS]}::text[]) AS s(name)`
  return Object.fromEntries(rows.map(({ name, value }) => [name, value]))
})

/** Which build of the server it is, and whether it can compile what it runs. */
export const build = Effect.fnUntraced(function* (sql: SqlClient) {
  const [row] = yield* sql<{ readonly version: string; readonly compiles: boolean }>`
    SELECT version() AS version, pg_jit_available() AS compiles`
  return row === undefined
    ? "unknown"
    : `${row.version}; JIT ${row.compiles ? "at work" : "off or not built in"}`
})

/** The peers are pinned, so their versions are those of the package's own manifest. */
const Manifest = Schema.fromJsonString(
  Schema.Struct({ devDependencies: Schema.Record(Schema.String, Schema.String) })
)
const Installed = Schema.fromJsonString(Schema.Struct({ version: Schema.String }))

const PEERS = [
  "@event-driven-io/emmett-postgresql",
  "@castore/event-storage-adapter-postgres",
  "pg"
]

/** The versions of what is compared. */
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

/** The commit that is checked out, where this is a clone. */
export const commit = Effect.gen(function* () {
  const spawner = yield* ChildProcessSpawner
  const output = yield* spawner.string(
    ChildProcess.make("git", ["rev-parse", "--short", "HEAD"], { cwd: import.meta.dirname })
  )
  return output.trim() || "unknown"
}).pipe(Effect.orElseSucceed(() => "unknown"))
