import * as EventStoreSuite from "@daybook/testing/EventStoreSuite"
import { cases } from "./commandHandlerCases.ts"
import { server } from "./postgresLayers.ts"

EventStoreSuite.suite("EventStorePostgres on a server", server)

cases("CommandHandler on a server", server)
