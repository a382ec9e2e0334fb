import { embedded } from "./postgresLayers.ts"
import { restoredCases } from "./restoredCases.ts"

restoredCases("A restored log in an embedded database", embedded, false)
