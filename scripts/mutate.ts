/**
 * `pnpm mutate`: makes hundreds of small changes to the pure packages, and checks that some test
 * fails for each.
 *
 * Stryker makes the mutants and runs the tests that cover each. It works on a copy of the
 * repository, which it may change, and in which a package that imports another gets the changed
 * one. Mutants that survive must be in `survivors.json`, each with the reason; see `mutants.ts`.
 *
 * `pnpm mutate [kernel|order|projections]`: mutates one package alone.
 */
import { Stryker } from "@stryker-mutator/core"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { judge, report, type Survivor, survivorOf } from "./mutants.ts"

interface Subject {
  readonly name: string
  readonly mutate: ReadonlyArray<string>
  readonly tests: ReadonlyArray<string>
}

/** The parts of `projections` that need no store. */
const pureParts = [
  "fold/changes",
  "fold/deriveColumn",
  "fold/describeTable",
  "fold/indexSize",
  "fold/partition",
  "fold/rowCodec",
  "fold/rowDifferences",
  "fold/rowFold",
  "lifecycle/decide",
  "lifecycle/evolve",
  "lifecycle/state"
]

/** Laws on hundreds of histories are left out where examples are enough to notice a mutant. */
const subjects: ReadonlyArray<Subject> = [
  {
    name: "kernel",
    mutate: ["packages/kernel/src/**/*.ts"],
    tests: ["packages/kernel/test/**/*.test.ts", "packages/testing/test/SchemaLockFile.test.ts"]
  },
  {
    name: "order",
    mutate: ["packages/order/src/**/*.ts"],
    tests: [
      "packages/order/test/*.test.ts",
      "packages/projections/test/OrderTables.test.ts",
      "!packages/order/test/*.{laws,integration}.test.ts"
    ]
  },
  {
    name: "projections",
    mutate: [
      "packages/projections/src/driver/{ReadModelTable,RowQuery,RowSelection,StoredRow}.ts",
      `packages/projections/src/internal/{${pureParts.join(",")}}.ts`
    ],
    // The tests of each part alone: through a store a run would take seconds, and through a
    // database minutes.
    tests: [
      "packages/projections/test/{ReadModelTable,RowFold,RowCodec,RowDifferences}.test.ts",
      "packages/projections/test/{MemoryQuery,ChangeSignal,Partition,Lifecycle}.test.ts"
    ]
  }
]

const root = Path.resolve(import.meta.dirname, "..")
const survivorsFile = Path.join(import.meta.dirname, "survivors.json")

/**
 * Copies the repository without build output, docs and git's data; inside the copy, packages link
 * to one another.
 */
const copyRepository = (to: string): void => {
  const left = new Set([".git", "dist", ".doc-examples", ".changeset", "docs"])
  Fs.cpSync(root, to, {
    recursive: true,
    verbatimSymlinks: true,
    filter: (from) => {
      const path = Path.relative(root, from)
      return path !== "node_modules" && !path.split(Path.sep).some((part) => left.has(part))
    }
  })
  Fs.symlinkSync(Path.join(root, "node_modules"), Path.join(to, "node_modules"), "junction")
}

const vitestConfig = ({ tests }: Subject) => `
import { defineConfig } from "vitest/config"
export default defineConfig({
  test: {
    // A loaded machine is slow, and has noticed nothing by that.
    testTimeout: 30_000,
    hookTimeout: 30_000,
    include: ${JSON.stringify(tests.filter((glob) => !glob.startsWith("!")))},
    exclude: ${JSON.stringify(tests.filter((glob) => glob.startsWith("!")).map((glob) => glob.slice(1)))}
  }
})
`

const mutate = async (subject: Subject) => {
  const configFile = `vitest.${subject.name}.config.ts`
  Fs.writeFileSync(configFile, vitestConfig(subject))
  const results = await new Stryker({
    mutate: [...subject.mutate],
    testRunner: "vitest",
    plugins: ["@stryker-mutator/vitest-runner"],
    vitest: { configFile, related: false },
    coverageAnalysis: "perTest",
    // A schema is made when its module is loaded: each of its mutants needs all tests, in freshly
    // loaded modules.
    ignoreStatic: false,
    // On a busy machine a test may be slow without an endless loop.
    timeoutMS: 60_000,
    concurrency: 2,
    // The copy may be changed.
    inPlace: true,
    allowConsoleColors: false,
    reporters: ["progress-append-only"],
    thresholds: { high: 100, low: 100, break: null }
  }).runMutationTest()
  return results
}

const only = process.argv[2]
const chosen = subjects.filter(({ name }) => only === undefined || name === only)
if (chosen.length === 0) {
  console.error(`There is no ${only}: mutate ${subjects.map(({ name }) => name).join(" or ")}.`)
  process.exit(1)
}
const folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "daybook-mutants-"))
const listed = JSON.parse(Fs.readFileSync(survivorsFile, "utf8")) as ReadonlyArray<Survivor>
let failed = false
try {
  copyRepository(folder)
  process.chdir(folder)
  for (const subject of chosen) {
    const results = await mutate(subject)
    const judged = judge(
      results.map((result) => {
        const fileName = Path.relative(folder, Path.resolve(result.fileName))
        // Reads the copy, which is restored by now: the repository may have been edited meanwhile.
        const source = Fs.readFileSync(Path.join(folder, fileName), "utf8")
        return { status: result.status, mutant: survivorOf({ ...result, fileName }, source) }
      }),
      listed.filter(({ file }) => file.startsWith(`packages/${subject.name}/`))
    )
    console.log(report(subject.name, judged))
    failed ||= !judged.passed
  }
} finally {
  process.chdir(root)
  Fs.rmSync(folder, { recursive: true, force: true })
}
process.exitCode = failed ? 1 : 0
