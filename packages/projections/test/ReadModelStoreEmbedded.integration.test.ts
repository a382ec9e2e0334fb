import * as ReadModelStoreSuite from "@daybook/testing/ReadModelStoreSuite"
import { embedded, runOut } from "./postgresLayers.ts"

ReadModelStoreSuite.suite("ReadModelStorePostgres embedded", embedded, { runOut })
