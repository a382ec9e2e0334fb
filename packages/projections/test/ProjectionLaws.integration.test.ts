import * as LawSuite from "@daybook/testing/LawSuite"
import * as PostgresLayers from "./postgresLayers.ts"
import { laws } from "./tillLaws.ts"

LawSuite.suite("Read models on a PostgreSQL server", laws("200 millis"), PostgresLayers.server, {
  runs: 10
})

LawSuite.suite(
  "Read models in an embedded PostgreSQL",
  laws("200 millis"),
  PostgresLayers.embedded,
  { runs: 10 }
)
