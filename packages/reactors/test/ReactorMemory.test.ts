import * as ConsumerGroupsMemory from "@daybook/reactors/ConsumerGroupsMemory"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import * as Layer from "effect/Layer"
import { reactorCases } from "./reactorCases.ts"

reactorCases(
  "Reactors in memory",
  ConsumerGroupsMemory.layer.pipe(Layer.provideMerge(EventStoreMemory.layer))
)
