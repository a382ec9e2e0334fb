/**
 * The order in which Vitest runs test files.
 */
import { BaseSequencer, type TestSpecification } from "vitest/node"

/**
 * Files that take longest, the slowest first. They begin before all others, since the last file
 * that runs has the machine to itself.
 */
const LONGEST = [
  "scripts/doc-examples",
  "order-service/test/Cli.integration",
  "order-service/test/Serve.integration",
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

/** Runs the longest files first, and the others as Vitest orders them. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: Array<TestSpecification>): Promise<Array<TestSpecification>> {
    const rank = ({ moduleId }: TestSpecification) => {
      const index = LONGEST.findIndex((part) => moduleId.includes(`/${part}.`))
      return index === -1 ? LONGEST.length : index
    }
    // oxlint-disable-next-line unicorn/no-array-sort -- of a sequencer, not of an array
    return (await super.sort(files)).toSorted((one, other) => rank(one) - rank(other))
  }
}
