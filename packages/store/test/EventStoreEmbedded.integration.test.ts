import * as EventStoreSuite from "@daybook/testing/EventStoreSuite"
import { cases } from "./commandHandlerCases.ts"
import { embedded, embeddedPartitioned } from "./postgresLayers.ts"

EventStoreSuite.suite("EventStorePostgres embedded", embedded)
EventStoreSuite.suite("EventStorePostgres in partitions embedded", embeddedPartitioned)

cases("CommandHandler embedded", embedded)
