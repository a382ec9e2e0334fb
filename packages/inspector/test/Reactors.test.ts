import * as Inspector from "@daybook/inspector/Inspector"
import { aggregate } from "@daybook/order/Order"
import * as ConsumerGroupsMemory from "@daybook/reactors/ConsumerGroupsMemory"
import * as Reactor from "@daybook/reactors/Reactor"
import { Reactors } from "@daybook/reactors/Reactors"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import { inspected, memory, options, placeOrder, serve } from "./inspected.ts"

const shop = Effect.gen(function* () {
  const built = yield* Effect.orDie(
    Layer.build(ConsumerGroupsMemory.layer.pipe(Layer.provideMerge(memory)))
  )
  const services = Layer.succeedContext(built)
  const sent: Array<string> = []
  let isAway = true
  yield* Layer.build(
    Reactors.layer([
      Reactor.make({
        name: "parcel-note",
        sources: [aggregate],
        from: "beginning",
        onFailure: "park",
        retry: Schedule.recurs(0),
        react: (event, { recorded }) =>
          event._tag === "ItemRemoved" && isAway
            ? Effect.fail(new Error("the carrier has no lantern"))
            : Effect.sync(() => sent.push(`${recorded.streamId}@${recorded.revision}`))
      })
    ]).pipe(Layer.provide(services))
  )
  const { client } = yield* serve(Inspector.layerUnprotected(options), services)
  const held = Effect.promise(() => new Promise(setImmediate)).pipe(
    Effect.andThen(client.operation.status({ query: {} })),
    Effect.map(({ reactors }) => reactors[0]?.status)
  )
  const comeBack = Effect.sync(() => {
    isAway = false
  })
  return { client, comeBack, held, place: Effect.provide(placeOrder("ada"), built), sent }
})

const params = { group: "parcel-note" }

describe("a reactor", () => {
  it.live("shows the key that an event holds, and goes on when it is released", () =>
    Effect.gen(function* () {
      const { client, comeBack, held, place, sent } = yield* shop
      yield* place
      const status = yield* Effect.repeat(held, { until: (now) => now?.held.length === 1 })
      const [key] = status?.held ?? []
      assert.strictEqual(key?.type, "ItemRemoved")
      assert.include(key?.issue, "the carrier has no lantern")
      yield* comeBack
      yield* client.operation.release({
        params,
        payload: { key: key?.key ?? "", reason: "the carrier is back" }
      })
      yield* Effect.repeat(held, { until: (now) => now?.held.length === 0 })
      assert.deepStrictEqual(
        sent,
        [1, 2, 3, 4, 5].map((revision) => `order-ada@${revision}`)
      )
      const [act] = yield* client.operation.reactorActs({ params })
      assert.strictEqual(act?.act, "release")
      assert.deepStrictEqual(act?.reason, Option.some("the carrier is back"))
    })
  )

  it.live("leaves the event out when it is dropped", () =>
    Effect.gen(function* () {
      const { client, held, place, sent } = yield* shop
      yield* place
      const status = yield* Effect.repeat(held, { until: (now) => now?.held.length === 1 })
      yield* client.operation.dropEvent({
        params,
        payload: { key: status?.held[0]?.key ?? "", reason: "no such lantern" }
      })
      yield* Effect.repeat(held, { until: (now) => now?.held.length === 0 })
      assert.notInclude(sent, "order-ada@4")
      assert.include(sent, "order-ada@5")
      const gone = yield* Effect.flip(
        client.operation.dropEvent({ params, payload: { key: "order-ada", reason: "again" } })
      )
      assert.strictEqual(gone._tag, "NotPossible")
    })
  )

  it.effect("is unknown on a host without consumer groups", () =>
    Effect.gen(function* () {
      const { client } = yield* inspected()
      assert.deepStrictEqual((yield* client.operation.status({ query: {} })).reactors, [])
      const unknown = yield* Effect.flip(client.operation.release({ params, payload: {} }))
      assert.strictEqual(unknown._tag, "Unknown")
    })
  )
})
