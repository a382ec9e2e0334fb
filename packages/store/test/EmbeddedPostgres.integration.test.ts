import * as StreamId from "@daybook/kernel/StreamId"
import * as EmbeddedPostgres from "@daybook/store/EmbeddedPostgres"
import { EmbeddedPostgresError } from "@daybook/store/EmbeddedPostgres"
import { EventStore } from "@daybook/store/EventStore"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import { SqlClient } from "effect/sql/SqlClient"
import * as Stream from "effect/Stream"
import { spawn } from "node:child_process"
import { existsSync, watch } from "node:fs"
import * as Fs from "node:fs/promises"
import * as Os from "node:os"
import * as Path from "node:path"
import * as Namespace from "./namespace.ts"

const temporaryFolder = Effect.acquireRelease(
  Effect.promise(() => Fs.mkdtemp(Path.join(Os.tmpdir(), "daybook-embedded-"))),
  (folder) => Effect.promise(() => Fs.rm(folder, { recursive: true, force: true }))
)

const answerOf = (dataDir: string) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    return yield* sql`SELECT 1 AS answer`
  }).pipe(Effect.provide(Layer.fresh(EmbeddedPostgres.layer({ dataDir }))))

const revisionsIn = (dataDir: string) =>
  Effect.gen(function* () {
    const store = yield* EventStore
    const streamId = yield* Effect.fromResult(StreamId.fromString("note-1"))
    const events = yield* Stream.runCollect(store.read(streamId))
    return events.map((event) => event.revision)
  }).pipe(
    Effect.provide(
      EventStorePostgres.layer.pipe(Layer.provide(Layer.fresh(EmbeddedPostgres.layer({ dataDir }))))
    )
  )

const APPENDER = Path.join(import.meta.dirname, "programs", "appendForever.ts")

const spawnAppender = (dataDir: string) =>
  spawn(process.execPath, [APPENDER, dataDir], { stdio: ["ignore", "pipe", "inherit"] })

/**
 * Kills an appending process once it has acknowledged some appends, and returns the last
 * acknowledged revision.
 */
const killAppender = (dataDir: string, lines: number) =>
  Effect.callback<number>((resume) => {
    const child = spawnAppender(dataDir)
    let output = ""
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString()
      if (output.split("\n").length > lines) child.kill("SIGKILL")
    })
    child.on("close", () => resume(Effect.succeed(Number(output.split("\n").at(-2)))))
    return Effect.sync(() => child.kill("SIGKILL"))
  })

/**
 * A process with an id in its own namespace, which has acknowledged an append and continues to
 * append.
 */
const containedAppender = (dataDir: string) =>
  Effect.callback<{ readonly kill: Effect.Effect<number> }>((resume) => {
    const child = spawn(...Namespace.node(APPENDER, dataDir), {
      stdio: ["ignore", "pipe", "inherit"]
    })
    let output = ""
    const kill = Effect.callback<number>((ended) => {
      child.once("close", () => ended(Effect.succeed(Number(output.split("\n").at(-2)))))
      child.kill("SIGKILL")
    })
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString()
      if (output.includes("\n")) resume(Effect.succeed({ kill }))
    })
    return Effect.sync(() => child.kill("SIGKILL"))
  })

/** Kills a process while it makes a new database. */
const killMaker = (dataDir: string) =>
  Effect.callback<void>((resume) => {
    const watcher = watch(dataDir, (_, name) => {
      if (name === "pgdata.new") child.kill("SIGKILL")
    })
    const child = spawnAppender(dataDir)
    child.on("close", () => {
      watcher.close()
      resume(Effect.void)
    })
    return Effect.sync(() => child.kill("SIGKILL"))
  })

describe("EmbeddedPostgres", () => {
  it.live(
    "has every acknowledged event after its process was killed, again and again",
    () =>
      Effect.gen(function* () {
        const dataDir = yield* temporaryFolder
        for (const lines of [1, 40, 200]) {
          const acknowledged = yield* killAppender(dataDir, lines)
          assert.isAtLeast(acknowledged, lines)
          const revisions = yield* revisionsIn(dataDir)
          // One more may have been recorded, whose answer was lost with the process.
          assert.isAtLeast(revisions.length, acknowledged)
          assert.deepStrictEqual(
            revisions.map(Number),
            Array.from(revisions, (_, index) => index + 1)
          )
        }
      }).pipe(Effect.scoped),
    120_000
  )

  it.live(
    "opens a folder whose making was cut short",
    () =>
      Effect.gen(function* () {
        const dataDir = yield* temporaryFolder
        yield* killMaker(dataDir)
        assert.isFalse(existsSync(Path.join(dataDir, "pgdata")))
        assert.deepStrictEqual(yield* answerOf(dataDir), [{ answer: 1 }])
      }).pipe(Effect.scoped),
    60_000
  )

  it.live(
    "refuses a folder that is open, and leaves it so",
    () =>
      Effect.gen(function* () {
        const dataDir = yield* temporaryFolder
        yield* Effect.gen(function* () {
          const sql = yield* SqlClient
          const error = yield* Effect.flip(answerOf(dataDir))
          assert.instanceOf(error, EmbeddedPostgresError)
          assert.include(error.message, `in use by process ${process.pid}`)
          assert.deepStrictEqual(yield* sql`SELECT 2 AS answer`, [{ answer: 2 }])
        }).pipe(Effect.provide(EmbeddedPostgres.layer({ dataDir })))
        // Closed again, it is free. So is a folder whose killed owner had the id of a process that
        // is alive.
        const owner = { id: "x", host: "h", pid: process.ppid, since: "2026-11-29T12:00:00.000Z" }
        yield* Effect.promise(() =>
          Fs.writeFile(Path.join(dataDir, "lock.json"), JSON.stringify(owner))
        )
        assert.deepStrictEqual(yield* answerOf(dataDir), [{ answer: 1 }])
      }).pipe(Effect.scoped),
    60_000
  )

  it.live(
    "loses nothing that a host in another container acknowledged, and opens a copy of its folder",
    () =>
      Effect.gen(function* () {
        const folder = yield* temporaryFolder
        const [dataDir, copy] = [Path.join(folder, "open"), Path.join(folder, "copy")]
        const host = yield* containedAppender(dataDir)
        const error = yield* Effect.flip(answerOf(dataDir))
        assert.instanceOf(error, EmbeddedPostgresError)
        assert.deepInclude(error.reason, { _tag: "InUse" })
        const owner = error.reason._tag === "InUse" ? error.reason.owner : undefined
        assert.strictEqual(owner?.host, Os.hostname())
        if (Namespace.pid !== undefined) assert.strictEqual(owner?.pid, Namespace.pid)
        const acknowledged = yield* host.kill
        // The folder as the host's death left it, with the files of its lock.
        yield* Effect.promise(() => Fs.cp(dataDir, copy, { recursive: true }))
        for (const place of [dataDir, copy]) {
          const revisions = yield* revisionsIn(place)
          assert.isAtLeast(revisions.length, acknowledged)
          assert.deepStrictEqual(
            revisions.map(Number),
            Array.from(revisions, (_, index) => index + 1)
          )
        }
      }).pipe(Effect.scoped),
    120_000
  )

  it.effect("says what is wrong with a folder that can't be one", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const file = Path.join(folder, "file")
      yield* Effect.promise(() => Fs.writeFile(file, ""))
      const error = yield* Effect.flip(answerOf(file))
      assert.instanceOf(error, EmbeddedPostgresError)
      assert.include(error.message, `Cannot open the embedded database in ${file}: EEXIST`)
    }).pipe(Effect.scoped)
  )

  it.live(
    "goes on after a failed query, a rolled back transaction and an interrupted one",
    () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient
        assert.isTrue(Exit.isFailure(yield* Effect.exit(sql`SELECT nonsense`)))
        yield* Effect.ignore(
          sql.withTransaction(Effect.andThen(sql`CREATE TABLE gone (id int)`, Effect.fail("no")))
        )
        const created = yield* Deferred.make<void>()
        const transaction = yield* sql
          .withTransaction(
            Effect.gen(function* () {
              yield* sql`CREATE TABLE gone (id int)`
              yield* Deferred.succeed(created, undefined)
              return yield* Effect.never
            })
          )
          .pipe(Effect.forkChild({ startImmediately: true }))
        yield* Deferred.await(created)
        yield* Fiber.interrupt(transaction)
        // Its bytes are on their way when it is interrupted.
        const query = yield* sql`SELECT count(*) FROM generate_series(1, 300000)`.pipe(
          Effect.forkChild({ startImmediately: true })
        )
        yield* Fiber.interrupt(query)
        assert.deepStrictEqual(yield* sql`SELECT to_regclass('gone') AS found`, [{ found: null }])
        assert.deepStrictEqual(yield* sql`SELECT 1 AS answer`, [{ answer: 1 }])
      }).pipe(Effect.provide(EmbeddedPostgres.layer())),
    60_000
  )
})
