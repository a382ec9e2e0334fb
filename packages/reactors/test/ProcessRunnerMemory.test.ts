import * as ConsumerGroupsMemory from "@daybook/reactors/ConsumerGroupsMemory"
import * as ProcessTimersMemory from "@daybook/reactors/ProcessTimersMemory"
import { CommandHandler } from "@daybook/store/CommandHandler"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import * as LawSuite from "@daybook/testing/LawSuite"
import * as ProcessRunnerLaws from "@daybook/testing/contracts/ProcessRunnerLaws"
import * as Layer from "effect/Layer"

const stores = Layer.mergeAll(
  ConsumerGroupsMemory.layer,
  ProcessTimersMemory.layer,
  CommandHandler.layer
).pipe(Layer.provideMerge(EventStoreMemory.layer))

LawSuite.suite("processes in memory", ProcessRunnerLaws.laws, stores)
