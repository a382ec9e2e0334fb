import * as LawSuite from "@daybook/testing/LawSuite"
import * as EventStoreLaws from "@daybook/testing/contracts/EventStoreLaws"
import * as SnapshotStoreLaws from "@daybook/testing/contracts/SnapshotStoreLaws"
import { cases } from "./commandHandlerCases.ts"
import { pooler, poolerPartitioned } from "./pooledLayers.ts"

LawSuite.suite("EventStorePostgres behind PgBouncer", EventStoreLaws.laws, pooler)
LawSuite.suite(
  "EventStorePostgres in partitions behind PgBouncer",
  EventStoreLaws.laws,
  poolerPartitioned
)
LawSuite.suite("SnapshotStorePostgres behind PgBouncer", SnapshotStoreLaws.laws, pooler)

cases("CommandHandler behind PgBouncer", pooler)
