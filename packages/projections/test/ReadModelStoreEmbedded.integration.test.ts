import * as LawSuite from "@daybook/testing/LawSuite"
import * as ReadModelStoreLaws from "@daybook/testing/contracts/ReadModelStoreLaws"
import { embedded, runOut } from "./postgresLayers.ts"

LawSuite.suite("ReadModelStorePostgres embedded", ReadModelStoreLaws.laws({ runOut }), embedded)
