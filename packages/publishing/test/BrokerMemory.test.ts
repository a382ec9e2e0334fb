import * as BrokerMemory from "@daybook/publishing/BrokerMemory"
import * as BrokerLaws from "@daybook/testing/contracts/BrokerLaws"
import * as LawSuite from "@daybook/testing/LawSuite"
import * as Effect from "effect/Effect"

let topics = 0

const laws = BrokerLaws.laws({
  fresh: Effect.map(BrokerMemory.BrokerMemory, (broker) => {
    const topic = `topic-${topics++}`
    return { topic, source: (group) => broker.source({ group, topic }) }
  })
})

LawSuite.suite("BrokerMemory", laws, BrokerMemory.layer)
