import * as PostgresLayers from "./postgresLayers.ts"
import { cases } from "./hostCases.ts"

cases("A host in an embedded Postgres", PostgresLayers.embedded)
