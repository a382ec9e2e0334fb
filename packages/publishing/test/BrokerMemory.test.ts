import * as BrokerMemory from "@daybook/publishing/BrokerMemory"
import * as BrokerLaws from "@daybook/testing/contracts/BrokerLaws"
import * as LawSuite from "@daybook/testing/LawSuite"
import { freshMemoryTopic } from "./memory.ts"

LawSuite.suite("BrokerMemory", BrokerLaws.laws({ fresh: freshMemoryTopic }), BrokerMemory.layer)
