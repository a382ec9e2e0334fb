/**
 * Read models under sessions with unusual settings, such as serializable transactions: Daybook
 * itself sets those that it needs.
 */
import * as ReadModelStoreSuite from "@daybook/testing/ReadModelStoreSuite"
import { runOut, unusual } from "./postgresLayers.ts"
import { cases } from "./runnerCases.ts"

const name = "where sessions have unusual settings"

ReadModelStoreSuite.suite(`ReadModelStorePostgres ${name}`, unusual, { runOut })
cases(`Projections ${name}`, unusual)
