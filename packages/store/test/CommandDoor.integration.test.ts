import { cases as doorCases } from "./commandDoorCases.ts"
import { cases as transactionCases } from "./commandTransactionCases.ts"
import { embedded, server, serverOfOne } from "./postgresLayers.ts"

doorCases("Commands in a burst, embedded", embedded)
transactionCases("Commands in a transaction, embedded", embedded)

doorCases("Commands in a burst on a server", server)
transactionCases("Commands in a transaction on a server, by one connection", serverOfOne)
