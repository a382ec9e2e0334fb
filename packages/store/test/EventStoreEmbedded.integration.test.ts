import * as LawSuite from "@daybook/testing/LawSuite"
import * as EventStoreLaws from "@daybook/testing/contracts/EventStoreLaws"
import { cases } from "./commandHandlerCases.ts"
import { embedded, embeddedPartitioned } from "./postgresLayers.ts"

LawSuite.suite("EventStorePostgres embedded", EventStoreLaws.laws, embedded)
LawSuite.suite(
  "EventStorePostgres in partitions embedded",
  EventStoreLaws.laws,
  embeddedPartitioned
)

cases("CommandHandler embedded", embedded)
