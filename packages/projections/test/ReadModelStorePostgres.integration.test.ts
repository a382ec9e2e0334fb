import * as ReadModelStoreSuite from "@daybook/testing/ReadModelStoreSuite"
import { runOut, server } from "./postgresLayers.ts"

ReadModelStoreSuite.suite("ReadModelStorePostgres on a server", server, { runOut })
