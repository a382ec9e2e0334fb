import * as BrokerMemory from "@daybook/publishing/BrokerMemory"
import { inboxCases } from "./inboxCases.ts"
import { freshMemoryTopic } from "./memory.ts"

inboxCases("Inboxes in memory", freshMemoryTopic, BrokerMemory.layer)
