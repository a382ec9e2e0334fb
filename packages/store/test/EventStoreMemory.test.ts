import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import * as EventStoreSuite from "@daybook/testing/EventStoreSuite"

EventStoreSuite.suite("EventStoreMemory", EventStoreMemory.layer)
