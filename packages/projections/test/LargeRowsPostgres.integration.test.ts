import * as PostgresLayers from "./postgresLayers.ts"
import { cases } from "./largeRowCases.ts"

cases("Large rows on a PostgreSQL server", PostgresLayers.server)
