import * as Layer from "effect/Layer"
import { cases } from "./historyCases.ts"
import * as PostgresLayers from "./postgresLayers.ts"
import { world } from "./postgresWorld.ts"

cases(
  "The history of a log in an embedded PostgreSQL",
  world.pipe(Layer.provideMerge(PostgresLayers.embedded))
)
