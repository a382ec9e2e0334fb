/**
 * Read models under sessions with unusual settings, such as serializable transactions: Daybook
 * itself sets those that it needs.
 */
import * as LawSuite from "@daybook/testing/LawSuite"
import * as ReadModelStoreLaws from "@daybook/testing/contracts/ReadModelStoreLaws"
import { runOut, unusual } from "./postgresLayers.ts"
import { cases } from "./runnerCases.ts"

const name = "where sessions have unusual settings"

LawSuite.suite(`ReadModelStorePostgres ${name}`, ReadModelStoreLaws.laws({ runOut }), unusual)
cases(`Projections ${name}`, unusual)
