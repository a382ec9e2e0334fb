import * as ReadModelStoreMemory from "@daybook/projections/ReadModelStoreMemory"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import * as ReadModelStoreSuite from "@daybook/testing/ReadModelStoreSuite"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"

const stores = Layer.mergeAll(EventStoreMemory.layer, ReadModelStoreMemory.layer, TestClock.layer())

ReadModelStoreSuite.suite("ReadModelStoreMemory", stores, {
  runOut: ({ lease }) => TestClock.adjust(lease)
})
