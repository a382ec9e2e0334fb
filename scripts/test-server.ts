/**
 * Runs the tests that need a PostgreSQL server on one as a distribution installs it, with its
 * default settings.
 *
 * The server is started from the binaries in `DAYBOOK_POSTGRES_BIN`, or else from those of the
 * newest version that Debian's packages installed in `/usr/lib/postgresql`. Further arguments go to
 * Vitest.
 */
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"

const ROOT = Path.join(import.meta.dirname, "..")

const DEBIAN = "/usr/lib/postgresql"

/**
 * Tests that depend on the build of the server: its planner and compiler, its locales, its limits.
 */
const FILES = [
  "packages/store/test/EventStorePostgres",
  "packages/store/test/PostgresBatching",
  "packages/store/test/PostgresForging",
  "packages/store/test/PostgresHeld",
  "packages/store/test/PassOver.integration",
  "packages/store/test/SecurityFuzz",
  "packages/store/test/SecurityRights",
  "packages/store/test/SecurityRows",
  "packages/store/test/PostgresInstants",
  "packages/store/test/PostgresIsolation",
  "packages/store/test/PostgresMigrations",
  "packages/store/test/PostgresOrdering",
  "packages/store/test/PostgresPages",
  "packages/store/test/PostgresPassword",
  "packages/store/test/PostgresPlans",
  "packages/store/test/PostgresRecordedAt",
  "packages/store/test/PostgresRestart",
  "packages/store/test/PostgresRestored",
  "packages/store/test/PostgresRoles.",
  "packages/store/test/PostgresStillClock",
  "packages/store/test/PostgresStrings",
  "packages/store/test/SecurityDurability",
  "packages/store/test/SecurityLocks",
  "packages/store/test/SecurityLockTable",
  "packages/store/test/SecurityAnnouncements",
  "packages/store/test/PostgresSubscription",
  "packages/store/test/PostgresTls",
  "packages/store/test/SecurityActs",
  "packages/store/test/SecuritySnapshots",
  "packages/store/test/SnapshotStorePostgres",
  "packages/store/test/StartFailure.integration",
  "packages/store/test/ExecuteTogether.integration",
  "packages/reactors/test/ConsumerGroupsPostgres",
  "packages/reactors/test/ReactorPostgres",
  "packages/reactors/test/ProcessRunnerPostgres",
  "packages/projections/test/PostgresInline",
  "packages/projections/test/PostgresPlans",
  "packages/projections/test/PostgresRoles",
  "packages/projections/test/PostgresSwitch",
  "packages/projections/test/ProjectionsPostgres",
  "packages/projections/test/ReadModelStorePostgres",
  "packages/projections/test/SecurityLocks",
  "packages/projections/test/SecurityRights"
]

/** Returns the newest of the folders that are named by versions. */
export const newest = (versions: ReadonlyArray<string>): string | undefined =>
  versions
    .filter((version) => /^\d+$/.test(version))
    .toSorted((a, b) => Number(b) - Number(a))
    .at(0)

/** Returns the beginnings of paths that match no test file. */
export const unmatched = (
  beginnings: ReadonlyArray<string>,
  tests: ReadonlyArray<string>
): ReadonlyArray<string> =>
  beginnings.filter((beginning) => !tests.some((test) => test.startsWith(beginning)))

const tests = () => Fs.globSync("packages/*/test/**/*.test.ts", { cwd: ROOT })

/**
 * Returns true if a server can compile statements; some packagers ship that as a separate package,
 * such as `postgresql-17-jit`.
 */
const compiles = (bin: string): boolean =>
  Fs.existsSync(Path.join(bin, "..", "lib", "llvmjit.so")) ||
  Fs.existsSync(Path.join(bin, "..", "lib", "postgresql", "llvmjit.so"))

const binaries = (): string | undefined => {
  const named = process.env["DAYBOOK_POSTGRES_BIN"]
  if (named !== undefined && named !== "") return named
  if (!Fs.existsSync(DEBIAN)) return undefined
  const version = newest(Fs.readdirSync(DEBIAN))
  return version === undefined ? undefined : Path.join(DEBIAN, version, "bin")
}

if (import.meta.main) {
  const bin = binaries()
  const missing = unmatched(FILES, tests())
  if (missing.length > 0) {
    console.error(`No test file begins with ${missing.join(", ")}`)
    process.exitCode = 1
  } else if (bin === undefined) {
    console.error(
      `No server: name its binaries in DAYBOOK_POSTGRES_BIN, or install Debian's package postgresql`
    )
    process.exitCode = 1
  } else {
    const postgres = Path.join(bin, "postgres")
    console.log(ChildProcess.execFileSync(postgres, ["--version"], { encoding: "utf8" }).trim())
    const jit = compiles(bin)
    if (!jit) {
      console.error(
        "THIS SERVER COMPILES NOTHING: that no statement is compiled shows nothing here"
      )
    }
    const { DATABASE_URL: _, ...env } = process.env
    const { status } = ChildProcess.spawnSync(
      process.execPath,
      [
        Path.join(ROOT, "node_modules/vitest/vitest.mjs"),
        "run",
        "--config",
        "vitest.workspace.ts",
        // Vitest looks for a partial path in the folder of each package, so the paths are whole.
        ...FILES.map((file) => Path.join(ROOT, file)),
        ...process.argv.slice(2)
      ],
      {
        cwd: ROOT,
        stdio: "inherit",
        env: { ...env, DAYBOOK_POSTGRES_BIN: bin, ...(jit ? { DAYBOOK_POSTGRES_JIT: "1" } : {}) }
      }
    )
    // In CI a check that can't fail counts as a failure.
    process.exitCode = !jit && process.env["CI"] === "true" ? 1 : (status ?? 1)
  }
}
