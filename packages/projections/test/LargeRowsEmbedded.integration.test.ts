import * as PostgresLayers from "./postgresLayers.ts"
import { cases } from "./largeRowCases.ts"

cases("Large rows in an embedded Postgres", PostgresLayers.embedded, false)
