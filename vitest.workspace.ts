import { globSync } from "node:fs"
import { availableParallelism } from "node:os"
import { dirname } from "node:path"
import { configDefaults, defineConfig } from "vitest/config"
import { BaseSequencer, type TestSpecification } from "vitest/node"

const folders = ["scripts", ...globSync("packages/*/package.json").map(dirname)]

/**
 * Files that take longest, the slowest first. They begin before all others, since the last file
 * that runs has the machine to itself.
 */
const LONGEST = [
  "order-service/test/Cli.integration",
  "order/test/OrderTorture.integration",
  "store/test/PostgresIsolation.integration",
  "store/test/EmbeddedPostgres.integration",
  "store/test/PostgresRoles.integration",
  "order/test/OrderSimulationTwins.laws",
  "projections/test/OrderReadModels.integration",
  "store/test/EventStoreEmbedded.integration",
  "store/test/EventStorePostgres.integration",
  "store/test/PostgresRestored.integration",
  "store/test/Heap.integration",
  "projections/test/HistoryEmbedded.integration",
  "projections/test/HistoryPostgres.integration",
  "order/test/OrderTortureTwin.integration",
  "store/test/SecurityRights.integration",
  "order-service/test/LegacyImport.integration",
  "order/test/OrderSimulation.laws",
  "order/test/OrderHostile.integration",
  "projections/test/PostgresIsolation.integration"
]

class LongestFirst extends BaseSequencer {
  override async sort(files: Array<TestSpecification>): Promise<Array<TestSpecification>> {
    const rank = ({ moduleId }: TestSpecification) => {
      const index = LONGEST.findIndex((part) => moduleId.includes(`packages/${part}`))
      return index === -1 ? LONGEST.length : index
    }
    return (await super.sort(files)).toSorted((one, other) => rank(one) - rank(other))
  }
}

export default defineConfig({
  test: {
    // A loaded machine is slow and not wrong: no test measures time.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // More than there are cores: a test file often waits for a server or for a process.
    maxWorkers: Math.ceil(1.5 * availableParallelism()),
    sequence: { sequencer: LongestFirst },
    // They need a pooler that npm does not have: vitest.pooler.ts.
    exclude: [...configDefaults.exclude, "**/*.pooler.test.ts"],
    projects: folders.map((root) => ({ extends: true, test: { name: root, root } }))
  }
})
