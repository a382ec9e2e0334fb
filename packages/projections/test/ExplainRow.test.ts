import * as StreamId from "@daybook/kernel/StreamId"
import { aggregate } from "@daybook/order/Order"
import { OrderCommand } from "@daybook/order/OrderCommand"
import * as ProductDemand from "@daybook/order/ProductDemand"
import * as OnDemandProjection from "@daybook/projections/OnDemandProjection"
import * as ReadModelStoreMemory from "@daybook/projections/ReadModelStoreMemory"
import { CommandHandler } from "@daybook/store/CommandHandler"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"

const stores = CommandHandler.layer.pipe(
  Layer.provideMerge(Layer.merge(EventStoreMemory.layer, ReadModelStoreMemory.layer))
)

const { projection } = ProductDemand
const key = { productId: "lantern", currency: "GBP" }

const { AddItem, CreateOrder, RemoveItem } = OrderCommand.cases

const add = (productId: string) =>
  AddItem.make({ productId, name: "", quantity: 2, unitPrice: { currency: "GBP", minor: 100 } })

const orders = CommandHandler.use((handler) =>
  Effect.forEach(["ada", "ben"], (id) =>
    Effect.forEach(
      [
        CreateOrder.make({ customerId: id, currency: "GBP" }),
        add("lantern"),
        add("t-light"),
        RemoveItem.make({ productId: "lantern", quantity: 1, reason: "cracked" })
      ],
      (command) => handler.execute(aggregate, id, command)
    )
  )
)

describe("OnDemandProjection.explainRow", () => {
  it.effect("emits each event that touches the row, with the row before and after it", () =>
    Effect.gen(function* () {
      yield* orders
      const steps = yield* Stream.runCollect(OnDemandProjection.explainRow(projection, key))
      assert.deepStrictEqual(
        steps.map(({ recorded }) => `${StreamId.id(recorded.streamId)} ${recorded.type}`),
        ["ada ItemAdded", "ada ItemRemoved", "ben ItemAdded", "ben ItemRemoved"]
      )
      assert.isTrue(Option.isNone(steps[0]?.before ?? Option.some(undefined)))
      let last: Option.Option<unknown> = Option.none()
      for (const { after, before, recorded } of steps) {
        assert.deepStrictEqual(before, last)
        const { position } = recorded
        assert.deepStrictEqual(
          after,
          yield* OnDemandProjection.rowAt(projection, key, { position })
        )
        last = after
      }
    }).pipe(Effect.provide(stores))
  )

  it.effect("ends with the event that can't be folded, after the steps before it", () =>
    Effect.gen(function* () {
      yield* orders
      const strict: typeof projection = {
        ...projection,
        apply: (row, event, applied) => {
          if (event._tag === "ItemRemoved") throw new Error("no removals")
          return projection.apply(row, event, applied)
        }
      }
      const seen: Array<string> = []
      const error = yield* OnDemandProjection.explainRow(strict, key).pipe(
        Stream.runForEach(({ recorded }) => Effect.sync(() => seen.push(recorded.type))),
        Effect.flip
      )
      assert.strictEqual(error._tag, "ProjectionStopped")
      assert.deepStrictEqual(seen, ["ItemAdded"])
    }).pipe(Effect.provide(stores))
  )

  it.effect("has no step for a row that nothing touches", () =>
    Effect.gen(function* () {
      yield* orders
      const steps = yield* Stream.runCollect(
        OnDemandProjection.explainRow(projection, { productId: "none", currency: "GBP" })
      )
      assert.lengthOf(steps, 0)
    }).pipe(Effect.provide(stores))
  )
})
