import * as PostgresLayers from "./postgresLayers.ts"
import { cases } from "./runnerCases.ts"

cases("Projections on a PostgreSQL server", PostgresLayers.server)
