import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import { cases } from "./commandDoorCases.ts"

cases("Commands in a burst in memory", EventStoreMemory.layer)
