import * as EventStoreSuite from "@daybook/testing/EventStoreSuite"
import { cases } from "./commandHandlerCases.ts"
import { server, serverPartitioned } from "./postgresLayers.ts"

EventStoreSuite.suite("EventStorePostgres on a server", server)
EventStoreSuite.suite("EventStorePostgres in partitions on a server", serverPartitioned)

cases("CommandHandler on a server", server)
cases("CommandHandler on a log in partitions", serverPartitioned)
