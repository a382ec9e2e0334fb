/**
 * Read models of a database whose transactions begin serializable: Daybook sets the level that it needs itself.
 */
import * as ReadModelStoreSuite from "@daybook/testing/ReadModelStoreSuite"
import { runOut, serializable } from "./postgresLayers.ts"
import { cases } from "./runnerCases.ts"

const name = "where transactions begin serializable"

ReadModelStoreSuite.suite(`ReadModelStorePostgres ${name}`, serializable, { runOut })
cases(`Projections ${name}`, serializable)
