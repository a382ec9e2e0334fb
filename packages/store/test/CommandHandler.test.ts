import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import { cases } from "./commandHandlerCases.ts"

cases("CommandHandler in memory", EventStoreMemory.layer)
