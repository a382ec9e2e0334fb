import { embedded, server } from "./postgresLayers.ts"
import { cases } from "./executeTogetherCases.ts"

cases("Commands together, embedded", embedded, 10)

cases("Commands together on a server", server, 30)
