import { cases } from "./commandQueueCases.ts"
import { embedded, server } from "./postgresLayers.ts"

cases("Commands that meet on an embedded stream", embedded)

cases("Commands that meet on a stream on a server", server)
