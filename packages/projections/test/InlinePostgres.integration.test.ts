import { cases } from "./inlineCases.ts"
import * as PostgresLayers from "./postgresLayers.ts"

cases("Concurrent inline appends on a PostgreSQL server", PostgresLayers.server)
