import { embedded, server } from "./postgresLayers.ts"
import { cases } from "./upcastCases.ts"

cases("Streams that older code wrote, embedded", embedded)

cases("Streams that older code wrote, on a server", server)
