import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import * as SnapshotStoreMemory from "@daybook/store/SnapshotStoreMemory"
import * as SnapshotStoreSuite from "@daybook/testing/SnapshotStoreSuite"
import { layer } from "@effect/vitest"
import * as Layer from "effect/Layer"
import { commandStreamCases } from "./commandStreamCases.ts"
import { expectedRevisionCases } from "./expectedRevisionCases.ts"
import { snapshotCases } from "./snapshotCases.ts"
import { bySaving, snapshotCheckCases } from "./snapshotCheckCases.ts"
import { stateCacheCases } from "./stateCacheCases.ts"

SnapshotStoreSuite.suite("SnapshotStoreMemory", SnapshotStoreMemory.layer)

layer(Layer.merge(EventStoreMemory.layer, SnapshotStoreMemory.layer))("In memory", (it) => {
  snapshotCases(it, 100)
  snapshotCheckCases(it, bySaving, 50)
  stateCacheCases(it)
  expectedRevisionCases(it)
  commandStreamCases(it)
})
