import * as BrokerMemory from "@daybook/publishing/BrokerMemory"
import { freshMemoryTopic } from "./memory.ts"
import { publisherCases } from "./publisherCases.ts"

publisherCases("Publishers in memory", freshMemoryTopic, BrokerMemory.layer)
