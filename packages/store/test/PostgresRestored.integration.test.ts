import { server, serverPartitioned } from "./postgresLayers.ts"
import { restoredCases } from "./restoredCases.ts"

restoredCases("A restored log on a server", server, false)
restoredCases("A restored log in partitions on a server", serverPartitioned, true)
