import * as ReadModelStoreMemory from "@daybook/projections/ReadModelStoreMemory"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import * as Layer from "effect/Layer"
import { cases } from "./inlineCases.ts"

cases(
  "Concurrent inline appends in memory",
  Layer.merge(EventStoreMemory.layer, ReadModelStoreMemory.layer)
)
