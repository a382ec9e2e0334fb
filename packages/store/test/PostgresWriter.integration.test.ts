/**
 * The contracts, through a connection with no rights but the writer's.
 */
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as SnapshotStorePostgres from "@daybook/store/SnapshotStorePostgres"
import * as EventStoreSuite from "@daybook/testing/EventStoreSuite"
import * as SnapshotStoreSuite from "@daybook/testing/SnapshotStoreSuite"
import * as Layer from "effect/Layer"
import { cases } from "./commandHandlerCases.ts"
import { Logins } from "./roleLogins.ts"

const writer = Layer.merge(EventStorePostgres.layer, SnapshotStorePostgres.layer).pipe(
  Layer.provideMerge(Logins.layerWriter)
)

EventStoreSuite.suite("EventStorePostgres as a writer", writer)

SnapshotStoreSuite.suite("SnapshotStorePostgres as a writer", writer)

cases("CommandHandler as a writer", writer)
