import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import { cases } from "./commandQueueCases.ts"

cases("Commands that meet on a stream in memory", EventStoreMemory.layer)
