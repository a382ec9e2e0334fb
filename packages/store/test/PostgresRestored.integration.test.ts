import * as Layer from "effect/Layer"
import { server, serverPartitioned } from "./postgresLayers.ts"
import { repeatedAfterRestoreCases } from "./repeatedAfterRestoreCases.ts"
import { inPostgres } from "./repeatedAfterRestoreLayers.ts"
import { restoredCases } from "./restoredCases.ts"

restoredCases("A restored log on a server", server, false)
restoredCases("A restored log in partitions on a server", serverPartitioned, true)
repeatedAfterRestoreCases(
  "Commands repeated after a restore, on a server",
  inPostgres.pipe(Layer.provideMerge(server))
)
