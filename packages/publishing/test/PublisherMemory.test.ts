import { Broker, BrokerUnavailable } from "@daybook/publishing/Broker"
import * as BrokerMemory from "@daybook/publishing/BrokerMemory"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { freshMemoryTopic } from "./memory.ts"
import { publisherCases } from "./publisherCases.ts"

publisherCases("Publishers in memory", freshMemoryTopic, BrokerMemory.layer)

/** Stores a part of each other request, and does not answer. */
const frail = Layer.effect(
  Broker,
  Effect.gen(function* () {
    const broker = yield* Broker
    let requests = 0
    return yield* Broker.make({
      name: "frail",
      send: Effect.fnUntraced(function* (messages) {
        requests++
        if (requests % 2 === 0) return yield* broker.send(messages)
        const some = messages.slice(0, requests % (messages.length + 1))
        if (Arr.isReadonlyArrayNonEmpty(some)) yield* broker.send(some)
        return yield* new BrokerUnavailable({ broker: "frail", operation: "send", cause: "away" })
      })
    })
  })
).pipe(Layer.provideMerge(BrokerMemory.layer))

publisherCases("Publishers on a broker that loses answers", freshMemoryTopic, frail)
