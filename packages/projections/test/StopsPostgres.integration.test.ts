import * as PostgresLayers from "./postgresLayers.ts"
import { cases } from "./stopCases.ts"

cases("Stops on a PostgreSQL server", PostgresLayers.server)
