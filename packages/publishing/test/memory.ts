import * as BrokerMemory from "@daybook/publishing/BrokerMemory"
import * as Effect from "effect/Effect"

let topics = 0

/** Makes a topic of the broker in memory. */
export const freshMemoryTopic = Effect.map(BrokerMemory.BrokerMemory, (broker) => {
  const topic = `topic-${topics++}`
  return { topic, source: (group: string) => broker.source({ group, topic }) }
})
