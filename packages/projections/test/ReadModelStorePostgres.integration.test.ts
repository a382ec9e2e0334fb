import * as LawSuite from "@daybook/testing/LawSuite"
import * as ReadModelStoreLaws from "@daybook/testing/contracts/ReadModelStoreLaws"
import { runOut, server } from "./postgresLayers.ts"

LawSuite.suite("ReadModelStorePostgres on a server", ReadModelStoreLaws.laws({ runOut }), server)
