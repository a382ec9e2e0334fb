import { assert, describe, it } from "@effect/vitest"
import * as Money from "@daybook/order/Money"
import * as OrderState from "@daybook/order/OrderState"
import { CommandHandler } from "@daybook/store/CommandHandler"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import * as Day from "../src/Day.ts"
import { Orders } from "../src/Orders.ts"
import { captured } from "./captured.ts"

const store = Layer.provideMerge(
  Layer.provideMerge(Orders.layer, Layer.fresh(CommandHandler.layer)),
  Layer.fresh(EventStoreMemory.layer)
)

const total = (state: OrderState.OrderState) =>
  Money.format({ currency: "GBP", minor: OrderState.total(state) })

describe("Day", () => {
  it.effect("answers from the log what the order was at 15:00 and what it is now", () =>
    Effect.gen(function* () {
      const { before, now, timeline } = (yield* captured(Day.run)).value
      assert.strictEqual(OrderState.status(before.state), "draft")
      assert.strictEqual(total(before.state), "GBP 33.10")
      assert.strictEqual(OrderState.status(now.state), "shipped")
      assert.strictEqual(total(now.state), "GBP 17.80")
      assert.deepStrictEqual(
        timeline.map(({ recorded }) => recorded.revision),
        timeline.map((_, index) => index + 1)
      )
      assert.strictEqual(timeline.length, now.revision)
      assert.deepStrictEqual(timeline[before.revision - 1]?.state, before.state)
    }).pipe(Effect.provide(store))
  )

  it.effect("lets one clerk win the race and the other decide again", () =>
    Effect.gen(function* () {
      const { races } = (yield* captured(Day.run)).value
      assert.strictEqual(races.length, 1)
      const lost = races[0]?.map((runner) => runner.lost.length)
      assert.deepStrictEqual(lost, [0, 1])
      const [winner, loser] = races[0] ?? []
      assert.deepStrictEqual(
        loser?.lost[0]?.between.map(({ metadata }) => metadata.actor),
        [winner?.request.clerk]
      )
    }).pipe(Effect.provide(store))
  )

  it.effect("counts the changes of an address, and lists the reasons of removals", () =>
    Effect.gen(function* () {
      const { addresses, removals } = (yield* captured(Day.run)).value
      assert.deepStrictEqual(
        addresses.map(({ isChange }) => isChange),
        [false, true, true]
      )
      assert.deepStrictEqual(
        removals.map(({ event }) => `${event.quantity} ${event.productId}: ${event.reason}`),
        ["1 lantern: one arrived cracked", "6 t-light: out of stock until spring"]
      )
    }).pipe(Effect.provide(store))
  )

  it.effect("shows the typed reasons of refusals", () =>
    Effect.gen(function* () {
      const { rejections } = (yield* captured(Day.run)).value
      assert.deepStrictEqual(
        rejections.map(({ _tag }) => _tag),
        [
          "NoItems",
          "CurrencyMismatch",
          "NotEnoughItems",
          "WrongStatus",
          "NoShippingAddress",
          "WrongStatus"
        ]
      )
    }).pipe(Effect.provide(store))
  )

  it.effect("runs again on the same log without mixing the days", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(Date.UTC(2026, 10, 23))
      const first = (yield* captured(Day.run)).value
      const second = (yield* captured(Day.run)).value
      assert.notStrictEqual(first.now.streamId, second.now.streamId)
      assert.strictEqual(first.addresses.length, second.addresses.length)
      assert.deepStrictEqual(first.now.state, second.now.state)
    }).pipe(Effect.provide(store))
  )

  it.effect("prints plain text where there is no colour, and the same text in colour", () =>
    Effect.gen(function* () {
      const { lines } = yield* captured(Day.run)
      const text = lines.join("\n")
      assert.notInclude(text, "\u001b")
      assert.include(text, "What did ada-")
      assert.include(text, "refused, NoItems: The order has no items")
      const coloured = (yield* captured(Day.run, { canColor: true })).lines.join("\n")
      assert.include(coloured, "\u001b[31mrefused, NoItems\u001b[39m: The order has no items")
    }).pipe(Effect.provide(store))
  )
})
