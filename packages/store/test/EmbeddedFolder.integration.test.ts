/**
 * S8: the folder of an embedded database is open to its user only.
 */
import * as EmbeddedPostgres from "@daybook/store/EmbeddedPostgres"
import { EmbeddedPostgresError } from "@daybook/store/EmbeddedPostgres"
import * as StartFailure from "@daybook/store/StartFailure"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { SqlClient } from "effect/sql/SqlClient"
import { spawn, spawnSync } from "node:child_process"
import * as Fs from "node:fs/promises"
import * as Os from "node:os"
import * as Path from "node:path"
import * as DataFolder from "../src/internal/postgres/embedded/dataFolder.ts"

const NOBODY = 65_534

const isRoot = process.geteuid?.() === 0

/** A folder that every user may enter, like the system's temporary folder. */
const openFolder = Effect.acquireRelease(
  Effect.promise(async () => {
    const folder = await Fs.mkdtemp(Path.join(Os.tmpdir(), "daybook-modes-"))
    await Fs.chmod(folder, 0o777)
    return folder
  }),
  (folder) => Effect.promise(() => Fs.rm(folder, { recursive: true, force: true }))
)

const answerOf = (dataDir: string) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    return yield* sql`SELECT 1 AS answer`
  }).pipe(Effect.provide(Layer.fresh(EmbeddedPostgres.layer({ dataDir }))))

/** Kills a process that appends under a umask of 0, once it has acknowledged an append. */
const appendWithoutUmask = (dataDir: string) =>
  Effect.callback<void>((resume) => {
    const program = Path.join(import.meta.dirname, "programs", "appendForever.ts")
    const child = spawn(
      "/bin/sh",
      ["-c", 'umask 0; exec "$@"', "sh", process.execPath, program, dataDir],
      {
        stdio: ["ignore", "pipe", "inherit"]
      }
    )
    child.stdout.once("data", () => child.kill("SIGKILL"))
    child.on("close", () => resume(Effect.void))
    return Effect.sync(() => child.kill("SIGKILL"))
  })

/** Lists everything in a folder that is open to others, such as `pgdata/base 755`. */
const wide = async (folder: string): Promise<ReadonlyArray<string>> => {
  const found: Array<string> = []
  for (const name of [".", ...(await Fs.readdir(folder, { recursive: true }))]) {
    const { mode } = await Fs.stat(Path.join(folder, name))
    if ((mode & 0o077) !== 0) found.push(`${name} ${(mode & 0o777).toString(8)}`)
  }
  return found
}

/** Reads and writes as the user `nobody`. */
const asNobody = (script: string, folder: string) =>
  spawnSync("/bin/sh", ["-c", script, "sh", folder], {
    cwd: "/",
    encoding: "utf8",
    ...(isRoot ? { uid: NOBODY, gid: NOBODY } : {})
  }).stdout

const ATTACK = `
cat "$1/pgdata/PG_VERSION" "$1/lock.json" "$1"/pgdata/pg_wal/0* 2>/dev/null
ls "$1" 2>/dev/null
echo forged >> "$1/pgdata/PG_VERSION"
echo forged > "$1/new"
true`

describe("S8: an embedded folder", () => {
  it.live(
    "is its user's alone whatever the umask, while a host writes and after",
    () =>
      Effect.gen(function* () {
        const dataDir = Path.join(yield* openFolder, "above", "data")
        yield* appendWithoutUmask(dataDir)
        assert.deepStrictEqual(yield* Effect.promise(() => wide(dataDir)), [])
        if (isRoot) assert.strictEqual(asNobody(ATTACK, dataDir), "")
        yield* answerOf(dataDir)
        assert.deepStrictEqual(yield* Effect.promise(() => wide(dataDir)), [])
        const names = yield* Effect.promise(() => Fs.readdir(dataDir))
        assert.deepStrictEqual(names.toSorted(), ["lock.sqlite", "pgdata"])
      }).pipe(Effect.scoped),
    180_000
  )

  it.live(
    "that was left open to others is closed to them, files and all",
    () =>
      Effect.gen(function* () {
        const dataDir = Path.join(yield* openFolder, "data")
        yield* answerOf(dataDir)
        for (const name of [
          ".",
          ...(yield* Effect.promise(() => Fs.readdir(dataDir, { recursive: true })))
        ]) {
          yield* Effect.promise(() => Fs.chmod(Path.join(dataDir, name), 0o777))
        }
        yield* answerOf(dataDir)
        assert.deepStrictEqual(yield* Effect.promise(() => wide(dataDir)), [])
      }).pipe(Effect.scoped),
    180_000
  )

  it.effect("that holds other files and lets others in is refused, and left as it is", () =>
    Effect.gen(function* () {
      const dataDir = yield* openFolder
      yield* Effect.promise(() => Fs.writeFile(Path.join(dataDir, "mine.txt"), ""))
      const error = yield* Effect.flip(answerOf(dataDir))
      assert.instanceOf(error, EmbeddedPostgresError)
      assert.deepStrictEqual(error.reason, { _tag: "OpenToOthers", mode: 0o777 })
      assert.strictEqual(
        StartFailure.lineOf(error),
        `Cannot open the embedded database in ${dataDir}: mode 0777 of the folder lets other users in, and it holds other files: ` +
          "close it to others (chmod 700), or choose a folder that holds nothing else"
      )
      assert.deepStrictEqual(yield* Effect.promise(() => Fs.readdir(dataDir)), ["mine.txt"])
      assert.strictEqual((yield* Effect.promise(() => Fs.stat(dataDir))).mode & 0o777, 0o777)
    }).pipe(Effect.scoped)
  )

  it.effect("of another user is refused", () =>
    Effect.gen(function* () {
      const dataDir = yield* openFolder
      if (isRoot) yield* Effect.promise(() => Fs.chown(dataDir, NOBODY, NOBODY))
      // For every user but root this folder is another user's.
      const foreign = isRoot ? dataDir : "/"
      const error = yield* Effect.flip(answerOf(foreign))
      assert.instanceOf(error, EmbeddedPostgresError)
      assert.deepStrictEqual(error.reason, {
        _tag: "NotOwned",
        owner: isRoot ? NOBODY : 0,
        user: process.geteuid?.() ?? 0
      })
      assert.include(
        StartFailure.lineOf(error),
        "run as the user whose folder it is, or choose another"
      )
    }).pipe(Effect.scoped)
  )

  it("is judged as PostgreSQL judges its data directory", () => {
    const OpenToOthers = (mode: number) => ({ _tag: "OpenToOthers", mode }) as const
    for (const [mode, isOurs, verdict] of [
      [0o40700, true, "fit"],
      [0o40750, true, "fit"],
      [0o40700, false, "fit"],
      [0o40750, false, "fit"],
      [0o40755, true, "close"],
      [0o40770, true, "close"],
      [0o41777, true, "close"],
      [0o40701, false, OpenToOthers(0o701)],
      [0o40720, false, OpenToOthers(0o720)],
      [0o40755, false, OpenToOthers(0o755)]
    ] as const) {
      assert.deepStrictEqual(DataFolder.judge({ uid: 7, mode, isOurs }, 7), verdict)
      assert.deepStrictEqual(DataFolder.judge({ uid: 8, mode, isOurs }, 7), {
        _tag: "NotOwned",
        owner: 8,
        user: 7
      })
    }
  })
})
