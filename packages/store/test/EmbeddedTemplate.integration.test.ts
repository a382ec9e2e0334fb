/**
 * The template of embedded databases: later databases are loaded from it, a broken one is replaced,
 * and one that other users could have changed is not used.
 */
import * as EmbeddedPostgres from "@daybook/store/EmbeddedPostgres"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { SqlClient } from "effect/sql/SqlClient"
import * as Fs from "node:fs/promises"
import * as Os from "node:os"
import * as Path from "node:path"
import { afterAll, beforeAll } from "vitest"

const NOBODY = 65_534

const isRoot = process.geteuid?.() === 0

const folder = Effect.acquireRelease(
  Effect.promise(() => Fs.mkdtemp(Path.join(Os.tmpdir(), "daybook-templates-"))),
  (path) => Effect.promise(() => Fs.rm(path, { recursive: true, force: true }))
)

/** Returns the system identifier of the cluster, which `initdb` draws and a template keeps. */
const clusterOf = (options: Parameters<typeof EmbeddedPostgres.layer>[0]) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    const [row] = yield* sql<{ readonly id: string }>`
      SELECT system_identifier::text AS id FROM pg_control_system()`
    assert.isDefined(row)
    return row.id
  }).pipe(Effect.provide(Layer.fresh(EmbeddedPostgres.layer(options))))

/** A template in a folder of the test's own; its cluster is the `first`. */
const copied = Effect.gen(function* () {
  const templates = Path.join(yield* folder, "cache")
  yield* Effect.promise(() => Fs.cp(shared, templates, { recursive: true }))
  yield* Effect.promise(() => Fs.chmod(templates, 0o700))
  return templates
})

let shared: string
let first: string

/** Returns the path of the only file in the folder. */
const templateIn = async (templates: string): Promise<string> => {
  const names = await Fs.readdir(templates)
  assert.lengthOf(names, 1)
  return Path.join(templates, names[0] ?? "")
}

describe("a template of embedded databases", () => {
  beforeAll(async () => {
    shared = Path.join(await Fs.mkdtemp(Path.join(Os.tmpdir(), "daybook-templates-")), "cache")
    first = await Effect.runPromise(clusterOf({ templates: shared }))
  })

  afterAll(() => Fs.rm(Path.dirname(shared), { recursive: true, force: true }))

  it.live(
    "is written by the first database, for its user alone, and loaded by later ones",
    () =>
      Effect.gen(function* () {
        const templates = shared
        const template = yield* Effect.promise(() => templateIn(templates))
        const modes = yield* Effect.promise(() =>
          Promise.all([templates, template].map(async (path) => (await Fs.stat(path)).mode & 0o777))
        )
        assert.deepStrictEqual(modes, [0o700, 0o600])
        assert.strictEqual(yield* clusterOf({ templates }), first)
        const dataDir = Path.join(yield* folder, "data")
        assert.strictEqual(yield* clusterOf({ dataDir, templates }), first)
        assert.strictEqual(yield* clusterOf({ dataDir, templates: false }), first)
        assert.notStrictEqual(yield* clusterOf({ templates: false }), first)
      }).pipe(Effect.scoped),
    180_000
  )

  it.live(
    "that is broken is replaced",
    () =>
      Effect.gen(function* () {
        const templates = yield* copied
        const template = yield* Effect.promise(() => templateIn(templates))
        const whole = yield* Effect.promise(() => Fs.readFile(template))
        yield* Effect.promise(() => Fs.writeFile(template, whole.subarray(0, whole.length / 2)))
        const made = yield* clusterOf({ templates })
        assert.notStrictEqual(made, first)
        assert.strictEqual(yield* clusterOf({ templates }), made)
      }).pipe(Effect.scoped),
    180_000
  )

  it.live(
    "S8: that other users could have changed is not used",
    () =>
      Effect.gen(function* () {
        const templates = yield* copied
        const template = yield* Effect.promise(() => templateIn(templates))
        const isRefused = Effect.gen(function* () {
          const before = yield* Effect.promise(() => Fs.readFile(template))
          assert.notStrictEqual(yield* clusterOf({ templates }), first)
          const after = yield* Effect.promise(() => Fs.readFile(template))
          return before.equals(after)
        })
        yield* Effect.promise(() => Fs.chmod(templates, 0o770))
        assert.isTrue(yield* isRefused)
        if (isRoot) {
          yield* Effect.promise(() => Fs.chmod(templates, 0o700))
          yield* Effect.promise(() => Fs.chown(templates, NOBODY, NOBODY))
          assert.isTrue(yield* isRefused)
        }
      }).pipe(Effect.scoped),
    180_000
  )

  it.live(
    "can't be written where there is no folder for it, and the database is created all the same",
    () =>
      Effect.gen(function* () {
        const file = Path.join(yield* folder, "file")
        yield* Effect.promise(() => Fs.writeFile(file, ""))
        assert.isString(yield* clusterOf({ templates: Path.join(file, "cache") }))
      }).pipe(Effect.scoped),
    180_000
  )
})
