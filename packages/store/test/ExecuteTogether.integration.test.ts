import { embedded, server } from "./postgresLayers.ts"
import { cases } from "./executeTogetherCases.ts"

cases("Commands together, embedded", embedded)

cases("Commands together on a server", server)
