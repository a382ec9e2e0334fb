import * as PostgresLayers from "./postgresLayers.ts"
import { cases } from "./runnerCases.ts"

cases("Projections on an embedded PostgreSQL", PostgresLayers.embedded)
