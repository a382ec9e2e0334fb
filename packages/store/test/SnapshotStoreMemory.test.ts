import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import * as SnapshotStoreMemory from "@daybook/store/SnapshotStoreMemory"
import * as LawSuite from "@daybook/testing/LawSuite"
import * as SnapshotStoreLaws from "@daybook/testing/contracts/SnapshotStoreLaws"
import { layer } from "@effect/vitest"
import * as Layer from "effect/Layer"
import { commandStreamCases } from "./commandStreamCases.ts"
import { expectedRevisionCases } from "./expectedRevisionCases.ts"
import { snapshotCases } from "./snapshotCases.ts"
import { bySaving, snapshotCheckCases } from "./snapshotCheckCases.ts"
import { stateCacheCases } from "./stateCacheCases.ts"

LawSuite.suite("SnapshotStoreMemory", SnapshotStoreLaws.laws, SnapshotStoreMemory.layer)

layer(Layer.merge(EventStoreMemory.layer, SnapshotStoreMemory.layer))("In memory", (it) => {
  snapshotCases(it, 100)
  snapshotCheckCases(it, bySaving, 50)
  stateCacheCases(it)
  expectedRevisionCases(it)
  commandStreamCases(it)
})
