import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import { cases } from "./upcastCases.ts"

cases("Streams that older code wrote, in memory", EventStoreMemory.layer)
