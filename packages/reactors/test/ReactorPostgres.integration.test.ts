import { reactorCases } from "./reactorCases.ts"
import { server } from "./postgresLayers.ts"

reactorCases("Reactors on a server", server)
