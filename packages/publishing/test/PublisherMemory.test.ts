import { Broker, BrokerUnavailable } from "@daybook/publishing/Broker"
import * as BrokerMemory from "@daybook/publishing/BrokerMemory"
import { assert, layer } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import { freshMemoryTopic } from "./memory.ts"
import { parcelsOf, scan, scansTo } from "./parcels.ts"
import { eventually, host, LARGE, log, publisherCases } from "./publisherCases.ts"

publisherCases("Publishers in memory", freshMemoryTopic, BrokerMemory.layer)

layer(Layer.merge(log, BrokerMemory.layer), { excludeTestServices: true })(
  "A publisher in memory",
  (it) => {
    it.effect("does not send again what was acknowledged beside a refused message", () =>
      Effect.gen(function* () {
        const { topic } = yield* freshMemoryTopic
        const parcels = parcelsOf("bulky")
        const publisher = scansTo(parcels, topic, { retry: Schedule.recurs(2), onFailure: "park" })
        for (const [id, n, text] of [
          ["a", 1, ""],
          ["b", 3, ""],
          ["c", 5, LARGE],
          ["c", 7, ""],
          ["a", 9, ""]
        ] as const) {
          yield* scan(parcels, id, n, text)
        }
        yield* host(publisher)
        yield* eventually(
          publisher.group.name,
          ({ held: keys, lagEvents }) => keys.length === 1 && lagEvents === 0
        )
        const broker = yield* BrokerMemory.BrokerMemory
        const stored = yield* broker.stored(topic)
        assert.deepStrictEqual(
          stored.map(({ key }) => key),
          ["bulky-a", "bulky-b", "bulky-a"]
        )
      })
    )

    it.effect("leaves an event that it can't map, and the later ones of its key", () =>
      Effect.gen(function* () {
        const { topic } = yield* freshMemoryTopic
        const parcels = parcelsOf("odd")
        const publisher = scansTo(parcels, topic, {
          retry: Schedule.recurs(0),
          onFailure: "park",
          toMessages: ({ n }) => {
            if (n === 2) throw new Error("two")
            return [{ topic, type: "scan", data: n }]
          }
        })
        for (const [id, n] of [
          ["a", 1],
          ["a", 2],
          ["b", 3],
          ["a", 4]
        ] as const) {
          yield* scan(parcels, id, n)
        }
        yield* host(publisher)
        const { held } = yield* eventually(
          publisher.group.name,
          ({ held: keys, lagEvents }) => keys.length === 1 && lagEvents === 0
        )
        assert.strictEqual(held[0]?.issue, "two")
        const broker = yield* BrokerMemory.BrokerMemory
        const stored = yield* broker.stored(topic)
        assert.deepStrictEqual(
          stored.map(({ key }) => key),
          ["odd-a", "odd-b"]
        )
      })
    )
  }
)

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
