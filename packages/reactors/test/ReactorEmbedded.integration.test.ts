import { reactorCases } from "./reactorCases.ts"
import { embedded } from "./postgresLayers.ts"

reactorCases("Reactors on an embedded store", embedded)
