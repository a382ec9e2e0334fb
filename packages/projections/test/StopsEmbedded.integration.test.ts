import * as PostgresLayers from "./postgresLayers.ts"
import { cases } from "./stopCases.ts"

cases("Stops in an embedded Postgres", PostgresLayers.embedded)
