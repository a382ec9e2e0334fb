import { cases } from "./inlineCases.ts"
import * as PostgresLayers from "./postgresLayers.ts"

cases("Concurrent inline appends on an embedded PostgreSQL", PostgresLayers.embedded)
