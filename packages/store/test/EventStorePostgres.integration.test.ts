import * as LawSuite from "@daybook/testing/LawSuite"
import * as EventStoreLaws from "@daybook/testing/contracts/EventStoreLaws"
import { cases } from "./commandHandlerCases.ts"
import { server, serverPartitioned } from "./postgresLayers.ts"

LawSuite.suite("EventStorePostgres on a server", EventStoreLaws.laws, server)
LawSuite.suite(
  "EventStorePostgres in partitions on a server",
  EventStoreLaws.laws,
  serverPartitioned
)

cases("CommandHandler on a server", server)
cases("CommandHandler on a log in partitions", serverPartitioned)
