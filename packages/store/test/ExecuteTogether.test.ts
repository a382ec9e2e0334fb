import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import * as SnapshotStoreMemory from "@daybook/store/SnapshotStoreMemory"
import * as Layer from "effect/Layer"
import { cases } from "./executeTogetherCases.ts"

cases(
  "Commands together in memory",
  Layer.merge(EventStoreMemory.layer, SnapshotStoreMemory.layer),
  100
)
