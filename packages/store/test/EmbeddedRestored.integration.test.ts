import * as Layer from "effect/Layer"
import { embedded } from "./postgresLayers.ts"
import { repeatedAfterRestoreCases } from "./repeatedAfterRestoreCases.ts"
import { inPostgres } from "./repeatedAfterRestoreLayers.ts"
import { restoredCases } from "./restoredCases.ts"

restoredCases("A restored log in an embedded database", embedded, false)
repeatedAfterRestoreCases(
  "Commands repeated after a restore, in an embedded database",
  inPostgres.pipe(Layer.provideMerge(embedded))
)
