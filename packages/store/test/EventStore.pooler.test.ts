import * as EventStoreSuite from "@daybook/testing/EventStoreSuite"
import * as SnapshotStoreSuite from "@daybook/testing/SnapshotStoreSuite"
import { cases } from "./commandHandlerCases.ts"
import { pooler, poolerPartitioned } from "./pooledLayers.ts"

EventStoreSuite.suite("EventStorePostgres behind PgBouncer", pooler)
EventStoreSuite.suite("EventStorePostgres in partitions behind PgBouncer", poolerPartitioned)
SnapshotStoreSuite.suite("SnapshotStorePostgres behind PgBouncer", pooler)

cases("CommandHandler behind PgBouncer", pooler)
