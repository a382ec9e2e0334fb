import * as Inspector from "@daybook/inspector/Inspector"
import { InspectorApi } from "@daybook/inspector/InspectorApi"
import * as Presenter from "@daybook/inspector/Presenter"
import * as Position from "@daybook/kernel/Position"
import * as Projection from "@daybook/kernel/Projection"
import { aggregate } from "@daybook/order/Order"
import { Projections } from "@daybook/projections/Projections"
import * as ReadModelStoreMemory from "@daybook/projections/ReadModelStoreMemory"
import { CommandHandler } from "@daybook/store/CommandHandler"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Schema from "effect/Schema"
import * as HttpApiClient from "effect/http-api/HttpApiClient"
import { ORIGIN, placeOrder, serve } from "./inspected.ts"

/** Counts items, can't fold a removal, and forgets how to count when it is told to. */
let adds = 1
const counts = Projection.define({
  name: "counts",
  version: 1,
  from: [aggregate],
  row: Schema.Struct({ orderId: Schema.String, items: Schema.Int }),
  primaryKey: ["orderId"]
}).fold({
  keys: (_, { streamId }) => [{ orderId: streamId.slice("order-".length) }],
  initial: ({ orderId }) => ({ orderId, items: 0 }),
  apply: (row, event) => {
    if (event._tag === "ItemRemoved") throw new Error("no removals of lanterns here")
    return event._tag === "ItemAdded" ? { ...row, items: row.items + adds } : row
  }
})

const stores = CommandHandler.layer.pipe(
  Layer.provideMerge(Projections.layer({ async: [counts] })),
  Layer.provideMerge(Layer.merge(EventStoreMemory.layer, ReadModelStoreMemory.layer))
)

/** Its tests run on the clock of the system, as requests do: claims would seem to have run out. */
const shopOn = Effect.fnUntraced(function* (services: typeof stores) {
  const built = Layer.succeedContext(yield* Effect.orDie(Layer.build(services)))
  const { http } = yield* serve(
    Inspector.layerUnprotected({
      title: "Shop",
      path: "/tools/inspector",
      aggregates: [Presenter.make(aggregate)],
      projections: [counts]
    }),
    built
  )
  const client = yield* HttpApiClient.make(InspectorApi, {
    baseUrl: `${ORIGIN}/tools/inspector`
  }).pipe(Effect.provide(http))
  const inside = <A, E>(effect: Effect.Effect<A, E, CommandHandler>) =>
    Effect.provide(effect, built)
  const look = Effect.promise(() => new Promise(setImmediate)).pipe(
    Effect.andThen(client.operation.status({ query: {} }))
  )
  const until = (state: string) =>
    Effect.repeat(look, { until: ({ models }) => models[0]?.status.state === state })
  return { client, inside, look, until }
})

const shop = shopOn(stores)

const params = { model: "counts" }

describe("operation", () => {
  it.live("shows a read model that an event stopped, skips the event, and records both", () =>
    Effect.gen(function* () {
      adds = 1
      const { client, inside, until } = yield* shop
      yield* inside(placeOrder("ada"))
      const stopped = yield* until("stopped")
      const poison = Option.getOrThrow(stopped.models[0]?.status.poison ?? Option.none())
      assert.strictEqual(poison.type, "ItemRemoved")
      assert.include(poison.issue, "no removals")
      const skip = { position: poison.position, reason: "a lantern that was never there" }
      yield* client.operation.skip({ params, payload: skip })
      yield* until("up to date")
      const acts = yield* client.operation.acts({ params })
      assert.deepStrictEqual(
        acts.map(({ act, reason }) => [act, Option.getOrUndefined(reason)]),
        [["skip", skip.reason]]
      )
      const wrong = yield* Effect.flip(
        client.operation.skip({
          params,
          payload: { position: Position.make(999_999n), reason: "none" }
        })
      )
      assert.strictEqual(wrong._tag, "NotPossible")
    })
  )

  it.live("explains a row up to the event that stopped it", () =>
    Effect.gen(function* () {
      adds = 1
      const { client, inside, until } = yield* shop
      yield* inside(placeOrder("ada"))
      const { head } = yield* until("stopped")
      const row = yield* client.readModels.explain({
        params,
        query: { key: '["ada"]', position: head }
      })
      assert.strictEqual(row.stopped?.event.type, "ItemRemoved")
      assert.include(row.stopped?.issue, "no removals")
      assert.deepStrictEqual(
        row.steps.map(({ after }) => after?.["items"]),
        [0, 1, 2]
      )
    })
  )

  it.live("pauses and resumes, and names who did it", () =>
    Effect.gen(function* () {
      const { client, until } = yield* shop
      yield* until("up to date")
      yield* client.operation.pause({ params, payload: { reason: "stock-taking" } })
      const paused = yield* until("paused")
      assert.deepStrictEqual(paused.models[0]?.lastAct?.reason, Option.some("stock-taking"))
      yield* client.operation.resume({ params, payload: {} })
      const resumed = yield* until("up to date")
      assert.isUndefined(resumed.models[0]?.lastAct)
    })
  )

  it.live("rebuilds to a verdict: equal rows, and rows that differ", () =>
    Effect.gen(function* () {
      adds = 1
      const { client, inside, look, until } = yield* shop
      yield* inside(placeOrder("ada"))
      const { models } = yield* until("stopped")
      const poison = Option.getOrThrow(models[0]?.status.poison ?? Option.none())
      yield* client.operation.skip({
        params,
        payload: { position: poison.position, reason: "skip it" }
      })
      yield* until("up to date")
      const ended = Effect.repeat(look, {
        until: ({ rebuilds }) => rebuilds[0] !== undefined && rebuilds[0].verdict !== "running"
      })
      const begun = yield* client.operation.rebuild({ params, payload: {} })
      assert.strictEqual(begun.model, "counts")
      const equal = yield* ended
      assert.strictEqual(equal.rebuilds[0]?.verdict, "equal")
      assert.isDefined(equal.rebuilds[0]?.endedAt)
      adds = 2
      yield* client.operation.rebuild({ params, payload: { reason: "see it differ" } })
      const differs = yield* Effect.repeat(look, {
        until: ({ rebuilds }) => rebuilds.length === 2 && rebuilds[0]?.verdict !== "running"
      })
      assert.strictEqual(differs.rebuilds[0]?.verdict, "differs")
      assert.strictEqual(differs.rebuilds[0]?.differing, 1)
      const [row] = differs.rebuilds[0]?.differences ?? []
      assert.strictEqual(row?.serving?.["items"], 2)
      assert.strictEqual(row?.rebuilt?.["items"], 4)
      // The old rows go on serving, and what differs can be dropped.
      const retired = differs.models[0]?.generations.find(({ role }) => role === "retired")
      yield* client.operation.drop({
        params,
        payload: { generation: retired?.generation ?? 0, reason: "seen" }
      })
      const after = yield* look
      assert.isFalse(
        after.models[0]?.generations.some(({ generation }) => generation === retired?.generation)
      )
      yield* client.operation.rebuild({ params, payload: { accept: true, reason: "as it is" } })
      const accepted = yield* Effect.repeat(look, {
        until: ({ rebuilds }) => rebuilds.length === 3 && rebuilds[0]?.verdict !== "running"
      })
      assert.strictEqual(accepted.rebuilds[0]?.verdict, "took over")
    })
  )

  it.live("ends the request for a rebuild that a defect ends, and shows a later defect", () =>
    Effect.gen(function* () {
      adds = 1
      const ends = { afterFirst: false }
      const broken = Stream.die(new Error("the runner is broken"))
      const breaking = Layer.effect(
        Projections,
        Effect.map(Projections, (runner) =>
          Projections.of({
            ...runner,
            rebuild: (name, options) =>
              ends.afterFirst
                ? Stream.concat(Stream.take(runner.rebuild(name, options), 1), broken)
                : broken
          })
        )
      )
      const { client, look, until } = yield* shopOn(Layer.provideMerge(breaking, stores))
      yield* until("up to date")
      const refused = yield* Effect.exit(client.operation.rebuild({ params, payload: {} }))
      assert.isTrue(Exit.isFailure(refused))
      assert.lengthOf((yield* look).rebuilds, 0)
      ends.afterFirst = true
      yield* client.operation.rebuild({ params, payload: {} })
      const { rebuilds } = yield* Effect.repeat(look, {
        until: (now) => now.rebuilds[0]?.verdict !== "running"
      })
      assert.strictEqual(rebuilds[0]?.verdict, "failed")
      assert.include(rebuilds[0]?.failure, "a fault")
    })
  )

  it.live("samples the lag from when somebody looks", () =>
    Effect.gen(function* () {
      const { look } = yield* shop
      const first = yield* Effect.repeat(look, {
        until: ({ models }) => (models[0]?.samples.length ?? 0) > 0
      })
      assert.strictEqual(first.models[0]?.samples[0]?.lagEvents, 0)
    })
  )
})
