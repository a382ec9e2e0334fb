import * as ConsumerGroupsMemory from "@daybook/reactors/ConsumerGroupsMemory"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import * as LawSuite from "@daybook/testing/LawSuite"
import * as ConsumerGroupLaws from "@daybook/testing/contracts/ConsumerGroupLaws"
import * as Layer from "effect/Layer"

const stores = ConsumerGroupsMemory.layer.pipe(Layer.provideMerge(EventStoreMemory.layer))

LawSuite.suite("ConsumerGroupsMemory", ConsumerGroupLaws.laws, stores)
