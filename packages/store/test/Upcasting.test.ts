import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import * as SnapshotStoreMemory from "@daybook/store/SnapshotStoreMemory"
import * as Layer from "effect/Layer"
import { cases } from "./upcastCases.ts"

cases(
  "Streams that older code wrote, in memory",
  Layer.merge(EventStoreMemory.layer, SnapshotStoreMemory.layer)
)
