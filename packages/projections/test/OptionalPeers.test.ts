/**
 * Hosts in memory install no SQL client: it is an optional peer of the packages.
 */
import { assert, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import * as Path from "node:path"

/** Prints the modules of SQL clients that the process loads. */
const hooks = `import { registerHooks } from "node:module"
registerHooks({
  load: (url, context, next) => {
    if (/sql-pg|pglite/.test(url)) process.stdout.write(url + "\\n")
    return next(url, context)
  }
})`

const loadedBy = (...modules: ReadonlyArray<string>): string => {
  const program = modules.map((name) => `await import("@daybook/${name}")`).join("\n")
  const { status, stderr, stdout } = spawnSync(
    process.execPath,
    ["--import", `data:text/javascript,${encodeURIComponent(hooks)}`, "--input-type=module", "-"],
    { cwd: Path.join(import.meta.dirname, ".."), encoding: "utf8", input: program }
  )
  assert.strictEqual(status, 0, stderr)
  return stdout
}

it("the stores in memory and what runs on them load no SQL client", () => {
  const loaded = loadedBy(
    "store/CommandHandler",
    "store/EventStoreMemory",
    "store/SnapshotStoreMemory",
    "store/SnapshotPolicy",
    "store/driver/AppendRules",
    "store/driver/EventStoreService",
    "store/driver/Polls",
    "projections/Projections",
    "projections/ReadModel",
    "projections/ReadModelStoreMemory",
    "projections/OnDemandProjection",
    "projections/driver/ReadModelOperations"
  )
  assert.strictEqual(loaded, "")
})

it("the store in PostgreSQL loads one", () => {
  assert.include(loadedBy("store/EventStorePostgres"), "sql-pg")
})
