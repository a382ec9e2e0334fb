import * as PostgresLayers from "./postgresLayers.ts"
import { cases } from "./hostCases.ts"

cases("A host on a PostgreSQL server", PostgresLayers.server)
