import { layer } from "@effect/vitest"
import * as PostgresLayers from "./postgresLayers.ts"
import { kept, moves } from "./tillLaws.ts"

const LEASE = "200 millis"

const law = "are those of a fold from the first event, whatever happens to their hosts"
const options = { arbitrary: { runs: 10 }, timeout: 120_000 }

layer(PostgresLayers.server, { excludeTestServices: true, timeout: "1 minute" })(
  "Read models on a PostgreSQL server",
  (it) => {
    it.effect.prop(law, { moves }, ({ moves }) => kept(moves, { lease: LEASE }), options)
  }
)

layer(PostgresLayers.embedded, { excludeTestServices: true, timeout: "1 minute" })(
  "Read models in an embedded PostgreSQL",
  (it) => {
    it.effect.prop(law, { moves }, ({ moves }) => kept(moves, { lease: LEASE }), options)
  }
)
