import * as PostgresServer from "@daybook/testing/PostgresServer"
import * as PgClient from "@effect/sql-pg/PgClient"
import { assert, it, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Reactivity from "effect/reactivity/Reactivity"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import { spawn } from "node:child_process"
import { once } from "node:events"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"

layer(PostgresServer.PostgresServer.layer, { excludeTestServices: true })(
  "PostgresServer",
  (it) => {
    const database = Effect.fnUntraced(function* (sql: PgClient.PgClient) {
      const rows = yield* sql<{ name: string }>`SELECT current_database() AS name`
      return rows[0]?.name
    })

    it.effect("is a PostgreSQL that allows at least 100 connections", () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        const rows = yield* sql<{ version: number; connections: number }>`
        SELECT current_setting('server_version_num')::int AS version,
          current_setting('max_connections')::int AS connections`
        assert.isAtLeast(rows[0]?.version ?? 0, 150_000)
        assert.isAtLeast(rows[0]?.connections ?? 0, 100)
      }).pipe(Effect.provide(PostgresServer.layerClient()))
    )

    it.effect("creates a database for each client", () =>
      Effect.gen(function* () {
        const of = PgClient.PgClient.pipe(
          Effect.flatMap(database),
          Effect.provide(PostgresServer.layerClient(), { local: true })
        )
        assert.notStrictEqual(yield* of, yield* of)
      })
    )

    it.effect("drops a database when its scope closes, though a client is still connected", () =>
      Effect.gen(function* () {
        const server = yield* PostgresServer.PostgresServer
        const fresh = yield* Scope.make()
        const url = yield* Scope.provide(PostgresServer.freshDatabase, fresh)
        const name = yield* Effect.flatMap(PgClient.make({ url }), database)
        assert.match(name ?? "", /^daybook_[0-9a-f]{32}$/)
        yield* Scope.close(fresh, Exit.void)
        const sql = yield* PgClient.make({ url: server.url, maxConnections: 1 })
        assert.isEmpty(yield* sql`SELECT 1 FROM pg_database WHERE datname = ${name ?? ""}`)
      }).pipe(Effect.provide(Reactivity.layer))
    )
  }
)

/** Environment and command line of every process that this one may look at. */
const processes = () =>
  Fs.readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      const read = (file: string) => Fs.readFileSync(Path.join("/proc", pid, file), "utf8")
      try {
        return [{ pid, environment: read("environ"), command: read("cmdline") }]
      } catch {
        // It ended meanwhile, or is another user's.
        return []
      }
    })

const onLinux = process.platform === "linux" ? it.effect : undefined
onLinux?.("S27: no process has the server's password in its environment or its command line", () =>
  Effect.gen(function* () {
    const { url } = yield* PostgresServer.restartable
    const { password, port } = new URL(Redacted.value(url))
    assert.isAbove(password.length, 20)
    const all = processes()
    const ofServer = all.filter(({ environment }) => environment.includes(`PORT=${port}`))
    assert.isAtLeast(ofServer.length, 2)
    const holders = all.filter(
      ({ command, environment }) => environment.includes(password) || command.includes(password)
    )
    assert.deepStrictEqual(holders, [])
  }).pipe(Effect.scoped)
)

it.live(
  "leaves no server and no file when its process is killed",
  () =>
    Effect.gen(function* () {
      const folder = yield* Effect.acquireRelease(
        Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "daybook-testing-"))),
        (folder) => Effect.sync(() => Fs.rmSync(folder, { recursive: true }))
      )
      // As the system's own: a server that does not run as root removes its folder from it.
      Fs.chmodSync(folder, 0o1777)
      const program = Path.join(import.meta.dirname, "programs/serve.ts")
      const child = spawn(process.execPath, [program], { env: { TMPDIR: folder } })
      yield* Effect.promise(() => once(child.stdout, "data"))
      const [server] = Fs.readdirSync(folder)
      assert.match(server ?? "", /^daybook-postgres-/)
      const pidFile = Path.join(folder, server ?? "", "data/postmaster.pid")
      const pid = Number(Fs.readFileSync(pidFile, "utf8").split("\n")[0])
      child.kill("SIGKILL")
      yield* Effect.sync(() => Fs.readdirSync(folder)).pipe(
        Effect.repeat({
          until: (names) => names.length === 0,
          schedule: Schedule.spaced("20 millis")
        })
      )
      assert.throws(() => process.kill(pid, 0), "ESRCH")
    }),
  { timeout: 30_000 }
)

it.live(
  "starts again on its data and port when it was stopped, and ends all the same",
  () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const server = yield* Scope.provide(PostgresServer.restartable, scope)
      const rows = Effect.fnUntraced(function* (statement: string) {
        const sql = yield* PgClient.make({ url: server.url, maxConnections: 1 })
        return yield* sql.unsafe(statement)
      }, Effect.scoped)
      yield* rows("CREATE TABLE kept AS SELECT 1 AS one")
      for (const mode of ["fast", "immediate", "fast"] as const) {
        yield* server.stop(mode)
        yield* Effect.flip(rows("SELECT"))
        yield* server.start
        assert.deepStrictEqual(yield* rows("SELECT * FROM kept"), [{ one: 1 }])
      }
      yield* server.stop("fast")
      yield* Scope.close(scope, Exit.void)
    }).pipe(Effect.provide(Reactivity.layer)),
  { timeout: 60_000 }
)
