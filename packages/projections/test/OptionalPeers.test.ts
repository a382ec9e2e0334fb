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
  const program = modules.map((name) => `await import("${name}")`).join("\n")
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
    "@daybook/store/CommandHandler",
    "@daybook/store/EventStoreMemory",
    "@daybook/store/SnapshotStoreMemory",
    "@daybook/store/SnapshotPolicy",
    "@daybook/store/driver/AppendRules",
    "@daybook/store/driver/EventStoreService",
    "@daybook/store/driver/Polls",
    "@daybook/projections/Projections",
    "@daybook/projections/ReadModel",
    "@daybook/projections/ReadModelStoreMemory",
    "@daybook/projections/OnDemandProjection",
    "@daybook/projections/driver/ReadModelOperations"
  )
  assert.strictEqual(loaded, "")
})

it("the stores in PostgreSQL load one when a layer is built, and not when they are imported", () => {
  assert.strictEqual(
    loadedBy("@daybook/store/EventStorePostgres", "@daybook/projections/ReadModelStorePostgres"),
    ""
  )
  // A client that is loaded is noticed.
  assert.include(loadedBy("@effect/sql-pg/PgClient"), "sql-pg")
})
