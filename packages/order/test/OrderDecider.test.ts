import * as Decider from "@daybook/kernel/Decider"
import * as Order from "@daybook/order/Order"
import { decider } from "@daybook/order/OrderDecider"
import type { OrderEvent } from "@daybook/order/OrderEvent"
import * as OrderState from "@daybook/order/OrderState"
import { MAX_ITEM_COUNT } from "@daybook/order/Quantity"
import { CommandHandler } from "@daybook/store/CommandHandler"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import * as LawSuite from "@daybook/testing/LawSuite"
import * as Specification from "@daybook/testing/Specification"
import { assert, describe, it } from "@effect/vitest"
import * as Layer from "effect/Layer"
import {
  added,
  addressUpdated,
  confirmed,
  created,
  histories,
  productRemoved,
  removed,
  rules,
  shipped
} from "./OrderRules.ts"

LawSuite.suite(rules.name, Specification.laws(rules))

describe("through a command handler", () => {
  LawSuite.suite(
    rules.name,
    Specification.lawsOnStore(Order.aggregate, rules),
    CommandHandler.layer.pipe(Layer.provideMerge(EventStoreMemory.layer))
  )
})

describe("folding added items", () => {
  it("keeps a product at two prices in two lines, the latest last", () => {
    const state = Decider.fold(decider, [
      created,
      added("tea", 1, 100),
      added("tea", 1, 120),
      added("mug", 1, 700),
      added("tea", 2, 100)
    ])
    assert.deepStrictEqual(
      OrderState.lines(state).map((line) => [line.productId, line.quantity, line.unitPriceMinor]),
      [
        ["tea", 1, 120],
        ["mug", 1, 700],
        ["tea", 3, 100]
      ]
    )
    assert.strictEqual(OrderState.total(state), 1_120n)
    assert.strictEqual(OrderState.itemCount(state), 5)
  })

  it("gives a line the name that was used last", () => {
    const state = Decider.fold(decider, [
      created,
      added("tea", 1, 100),
      { ...added("tea", 1, 100), name: "Green tea" }
    ])
    assert.deepStrictEqual(OrderState.lines(state), [
      { productId: "tea", name: "Green tea", quantity: 2, unitPriceMinor: 100 }
    ])
  })

  it("is exact past 2^31 minor units", () => {
    const state = Decider.fold(decider, [created, added("yacht", 3, 2 ** 31 + 1)])
    assert.strictEqual(OrderState.total(state), 6_442_450_947n)
  })
})

describe("folding removed items", () => {
  it("takes them of their product at their price, and of no other line", () => {
    const state = Decider.fold(decider, [
      created,
      added("tea", 2, 100),
      added("tea", 2, 120),
      added("mug", 2, 100),
      removed("tea", 1, 100)
    ])
    assert.deepStrictEqual(
      OrderState.lines(state).map((line) => [line.productId, line.quantity, line.unitPriceMinor]),
      [
        ["tea", 1, 100],
        ["tea", 2, 120],
        ["mug", 2, 100]
      ]
    )
  })
})

describe("an order that is not created", () => {
  it("has no lines, costs nothing and counts nothing", () => {
    const none = decider.initialState
    assert.deepStrictEqual(OrderState.lines(none), [])
    assert.strictEqual(OrderState.total(none), 0n)
    assert.strictEqual(OrderState.itemCount(none), 0)
  })
})

describe("folding impossible events", () => {
  const draft = Decider.fold(decider, [created, added("tea", 2, 250)])

  it("leaves an order without items unshipped", () => {
    const empty = Decider.fold(decider, [created, addressUpdated, confirmed])
    assert.strictEqual(decider.evolve(empty, shipped), empty)
  })

  it("leaves any draft unshipped", () => {
    const ready = decider.evolve(draft, addressUpdated)
    assert.strictEqual(decider.evolve(ready, shipped), ready)
  })

  it("ignores items that no number can count, and no fewer", () => {
    const most = Decider.fold(decider, [created, added("gift", MAX_ITEM_COUNT - 1, 0)])
    assert.strictEqual(decider.evolve(most, added("tea", 2, 0)), most)
    assert.strictEqual(
      OrderState.itemCount(decider.evolve(most, added("tea", 1, 0))),
      MAX_ITEM_COUNT
    )
  })

  it("leaves an order without an address unshipped", () => {
    const withoutAddress = decider.evolve(draft, confirmed)
    assert.strictEqual(decider.evolve(withoutAddress, shipped), withoutAddress)
  })

  it("ignores a second creation and items in another currency", () => {
    const euros = { currency: "EUR", minor: 250 }
    const events: ReadonlyArray<OrderEvent> = [
      { ...created, customerId: "bob" },
      { ...added("tea", 1, 250), unitPrice: euros },
      { ...removed("tea", 1, 250), unitPrice: euros }
    ]
    assert.strictEqual(Decider.fold(decider, events, draft), draft)
  })

  it("ignores the removal of a line that is not there", () => {
    assert.strictEqual(decider.evolve(draft, removed("tea", 1, 300)), draft)
    assert.strictEqual(decider.evolve(draft, removed("mug", 1, 250)), draft)
  })

  it("leaves a shipped or cancelled order unchanged", () => {
    const items = [added("tea", 1, 250), removed("tea", 1, 250), productRemoved("tea")]
    for (const closed of [histories.shipped, histories.cancelled]) {
      const state = Decider.fold(decider, closed)
      assert.strictEqual(Decider.fold(decider, items, state), state)
    }
  })

  it("removes the line when more is removed than there is", () => {
    const state = decider.evolve(draft, removed("tea", 3, 250))
    assert.deepStrictEqual(OrderState.lines(state), [])
  })
})

describe("the shop's past", () => {
  const past = (...events: ReadonlyArray<OrderEvent>) => Decider.fold(decider, events)
  const lines = (state: OrderState.OrderState) =>
    OrderState.lines(state).map((line) => [line.productId, line.quantity, line.unitPriceMinor])

  it("removed a product at all its prices at once", () => {
    const state = past(created, added("tea", 2, 100), added("mug", 1, 700), added("tea", 3, 110))
    assert.deepStrictEqual(lines(decider.evolve(state, productRemoved("tea"))), [["mug", 1, 700]])
    assert.deepStrictEqual(lines(decider.evolve(state, productRemoved("jam"))), lines(state))
  })

  it("changed items after confirmation, which counts", () => {
    const state = past(created, added("tea", 2, 100), confirmed, added("mug", 1, 700))
    const without = past(...histories.confirmed, removed("tea", 1, 250))
    assert.deepStrictEqual(lines(state), [
      ["tea", 2, 100],
      ["mug", 1, 700]
    ])
    assert.deepStrictEqual(lines(without), [["tea", 1, 250]])
    assert.strictEqual(OrderState.status(without), "confirmed")
  })

  it("left confirmed orders without items", () => {
    const emptied = [...histories.confirmed, productRemoved("tea")]
    assert.strictEqual(OrderState.status(past(...emptied)), "confirmed")
  })
})
