import * as EventStoreSuite from "@daybook/testing/EventStoreSuite"
import { cases } from "./commandHandlerCases.ts"
import { embedded } from "./postgresLayers.ts"

EventStoreSuite.suite("EventStorePostgres embedded", embedded)

cases("CommandHandler embedded", embedded)
