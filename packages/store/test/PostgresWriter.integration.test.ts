/**
 * The contracts, through a connection with no rights but the writer's.
 */
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as SnapshotStorePostgres from "@daybook/store/SnapshotStorePostgres"
import * as LawSuite from "@daybook/testing/LawSuite"
import * as EventStoreLaws from "@daybook/testing/contracts/EventStoreLaws"
import * as SnapshotStoreLaws from "@daybook/testing/contracts/SnapshotStoreLaws"
import * as Layer from "effect/Layer"
import { cases } from "./commandHandlerCases.ts"
import { Logins } from "./roleLogins.ts"

const writer = Layer.merge(EventStorePostgres.layer, SnapshotStorePostgres.layer).pipe(
  Layer.provideMerge(Logins.layerWriter)
)

LawSuite.suite("EventStorePostgres as a writer", EventStoreLaws.laws, writer)

LawSuite.suite("SnapshotStorePostgres as a writer", SnapshotStoreLaws.laws, writer)

cases("CommandHandler as a writer", writer)
