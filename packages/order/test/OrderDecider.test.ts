import * as Decider from "@daybook/kernel/Decider"
import type { Address } from "@daybook/order/Address"
import { MAX_MINOR } from "@daybook/order/Money"
import { OrderCommand } from "@daybook/order/OrderCommand"
import { decider } from "@daybook/order/OrderDecider"
import type { OrderEvent } from "@daybook/order/OrderEvent"
import {
  CurrencyMismatch,
  ItemNotInOrder,
  NoItems,
  NoShippingAddress,
  NotEnoughItems,
  OrderAlreadyExists,
  OrderRejection,
  TotalTooLarge,
  WrongStatus
} from "@daybook/order/OrderRejection"
import * as OrderState from "@daybook/order/OrderState"
import { MAX_QUANTITY } from "@daybook/order/Quantity"
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"

type AddItem = Extract<OrderCommand, { readonly _tag: "AddItem" }>
type ItemAdded = Extract<OrderEvent, { readonly _tag: "ItemAdded" }>
type ItemRemoved = Extract<OrderEvent, { readonly _tag: "ItemRemoved" }>

const gbp = (minor: number) => ({ currency: "GBP", minor })
const address: Address = {
  recipient: "Ada Lovelace",
  line1: "12 St James's Square",
  city: "London",
  postalCode: "SW1Y 4LB",
  country: "GB"
}

const create: OrderCommand = { _tag: "CreateOrder", customerId: "ada", currency: "GBP" }
const add: AddItem = {
  _tag: "AddItem",
  productId: "tea",
  name: "Tea",
  quantity: 2,
  unitPrice: gbp(250)
}
const remove: OrderCommand = { _tag: "RemoveItem", productId: "tea", reason: "too many" }
const updateAddress: OrderCommand = { _tag: "UpdateShippingAddress", address }
const confirm: OrderCommand = { _tag: "ConfirmOrder" }
const ship: OrderCommand = { _tag: "ShipOrder", carrier: "Royal Mail", tracking: "RM1" }
const cancel: OrderCommand = { _tag: "CancelOrder", reason: "changed my mind" }

const created: OrderEvent = { _tag: "OrderCreated", customerId: "ada", currency: "GBP" }
const added = (productId: string, quantity: number, minor: number): ItemAdded => ({
  _tag: "ItemAdded",
  productId,
  name: productId,
  quantity,
  unitPrice: gbp(minor)
})
const removed = (productId: string, quantity: number, minor: number): ItemRemoved => ({
  ...added(productId, quantity, minor),
  _tag: "ItemRemoved",
  reason: "too many"
})
const productRemoved = (productId: string): OrderEvent => ({ _tag: "ProductRemoved", productId })
const addressUpdated: OrderEvent = { _tag: "ShippingAddressUpdated", address }
const confirmed: OrderEvent = { _tag: "OrderConfirmed" }
const shipped: OrderEvent = { _tag: "OrderShipped", carrier: "Royal Mail", tracking: "RM1" }
const cancelled: OrderEvent = { _tag: "OrderCancelled", reason: "changed my mind" }

const encode = Schema.encodeSync(OrderRejection)

const accepted = (...events: ReadonlyArray<OrderEvent>) => ({ events })
const rejected = (rejection: OrderRejection) => ({ rejection: encode(rejection) })

const given = (...events: ReadonlyArray<OrderEvent>) => ({
  when: (command: OrderCommand) =>
    Result.match(decider.decide(command, Decider.fold(decider, events)), {
      onSuccess: (decided) => accepted(...decided),
      onFailure: rejected
    })
})

/** An order in each status, with an item and an address where the status can have them. */
const histories: Record<OrderState.OrderStatus, ReadonlyArray<OrderEvent>> = {
  none: [],
  draft: [created, added("tea", 2, 250), addressUpdated],
  confirmed: [created, added("tea", 2, 250), addressUpdated, confirmed],
  shipped: [created, added("tea", 2, 250), addressUpdated, confirmed, shipped],
  cancelled: [created, added("tea", 2, 250), addressUpdated, cancelled]
}

describe("the table of rules", () => {
  const rows: ReadonlyArray<{
    readonly command: OrderCommand
    readonly from: ReadonlyArray<OrderState.OrderStatus>
    readonly event: OrderEvent
  }> = [
    { command: create, from: ["none"], event: created },
    { command: add, from: ["draft"], event: { ...added("tea", 2, 250), name: "Tea" } },
    { command: remove, from: ["draft"], event: removed("tea", 2, 250) },
    {
      command: { ...updateAddress, address: { ...address, city: "Bath" } },
      from: ["draft", "confirmed"],
      event: { _tag: "ShippingAddressUpdated", address: { ...address, city: "Bath" } }
    },
    { command: confirm, from: ["draft"], event: confirmed },
    { command: ship, from: ["confirmed"], event: shipped },
    { command: cancel, from: ["draft", "confirmed"], event: cancelled }
  ]

  it("has a row for every command", () => {
    assert.sameMembers(
      rows.map(({ command }) => command._tag),
      Object.keys(OrderCommand.cases)
    )
  })

  const refusal = (
    command: OrderCommand,
    status: OrderState.OrderStatus,
    allowed: ReadonlyArray<OrderState.OrderStatus>
  ) =>
    command._tag === "CreateOrder"
      ? new OrderAlreadyExists({ status })
      : new WrongStatus({ command: command._tag, status, allowed })

  const cells = rows.flatMap(({ command, event, from }) =>
    OrderState.OrderStatus.literals.map((status) => ({
      command,
      status,
      answer: from.includes(status) ? "accepts" : "refuses",
      expected: from.includes(status) ? accepted(event) : rejected(refusal(command, status, from))
    }))
  )

  for (const { answer, command, expected, status } of cells) {
    it(`${answer} ${command._tag} when the status is ${status}`, () => {
      assert.deepStrictEqual(given(...histories[status]).when(command), expected)
    })
  }
})

describe("adding items", () => {
  it("refuses a price in another currency", () => {
    assert.deepStrictEqual(
      given(created).when({ ...add, unitPrice: { currency: "EUR", minor: 250 } }),
      rejected(new CurrencyMismatch({ expected: "GBP", actual: "EUR" }))
    )
  })

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

  it("calls a line by the name that was used last", () => {
    const state = Decider.fold(decider, [
      created,
      added("tea", 1, 100),
      { ...added("tea", 1, 100), name: "Green tea" }
    ])
    assert.deepStrictEqual(OrderState.lines(state), [
      { productId: "tea", name: "Green tea", quantity: 2, unitPriceMinor: 100 }
    ])
  })

  it("accepts an item that costs nothing", () => {
    assert.deepStrictEqual(
      given(created).when({ ...add, unitPrice: gbp(0) }),
      accepted({ ...added("tea", 2, 0), name: "Tea" })
    )
  })

  it("is exact past 2^31 minor units", () => {
    const state = Decider.fold(decider, [created, added("yacht", 3, 2 ** 31 + 1)])
    assert.strictEqual(OrderState.total(state), 6_442_450_947n)
  })

  it("accepts a total of exactly 2^53 - 1 minor units", () => {
    assert.deepStrictEqual(
      given(created, added("yacht", 1, MAX_MINOR - 1)).when({
        ...add,
        quantity: 1,
        unitPrice: gbp(1)
      }),
      accepted({ ...added("tea", 1, 1), name: "Tea" })
    )
  })

  it("refuses a total of 2^53 minor units", () => {
    assert.deepStrictEqual(
      given(created, added("yacht", 1, MAX_MINOR)).when({ ...add, quantity: 1, unitPrice: gbp(1) }),
      rejected(new TotalTooLarge({ of: "price", total: "9007199254740992", limit: MAX_MINOR }))
    )
  })

  it("names a total past every integer that a number holds to the last unit", () => {
    assert.deepStrictEqual(
      given(created).when({ ...add, quantity: MAX_QUANTITY, unitPrice: gbp(MAX_MINOR) }),
      rejected(
        new TotalTooLarge({ of: "price", total: "9007199254740991000000", limit: MAX_MINOR })
      )
    )
  })

  it("refuses more items than a number can count, even when they cost nothing", () => {
    assert.deepStrictEqual(
      given(created, added("gift", Number.MAX_SAFE_INTEGER, 0)).when({ ...add, unitPrice: gbp(0) }),
      rejected(
        new TotalTooLarge({
          of: "items",
          total: "9007199254740993",
          limit: Number.MAX_SAFE_INTEGER
        })
      )
    )
  })
})

describe("removing items", () => {
  const atThreePrices = [
    created,
    added("tea", 2, 100),
    added("mug", 1, 700),
    added("tea", 3, 110),
    added("tea", 4, 120)
  ]

  it("removes a product wholly without a quantity, the latest price first", () => {
    assert.deepStrictEqual(
      given(...atThreePrices).when(remove),
      accepted(removed("tea", 4, 120), removed("tea", 3, 110), removed("tea", 2, 100))
    )
  })

  it("takes the latest price first with a quantity", () => {
    assert.deepStrictEqual(
      given(...atThreePrices).when({ ...remove, quantity: 3 }),
      accepted(removed("tea", 3, 120))
    )
    assert.deepStrictEqual(
      given(...atThreePrices).when({ ...remove, quantity: 5 }),
      accepted(removed("tea", 4, 120), removed("tea", 1, 110))
    )
  })

  it("takes a price that was added again as the latest", () => {
    assert.deepStrictEqual(
      given(...atThreePrices, added("tea", 1, 100)).when({ ...remove, quantity: 4 }),
      accepted(removed("tea", 3, 100), removed("tea", 1, 120))
    )
  })

  it("removes more at once than one command can add", () => {
    assert.deepStrictEqual(
      given(created, added("tea", MAX_QUANTITY, 1), added("tea", MAX_QUANTITY, 1)).when(remove),
      accepted(removed("tea", 2 * MAX_QUANTITY, 1))
    )
  })

  it("refuses a product that is not in the order", () => {
    assert.deepStrictEqual(
      given(created, added("mug", 1, 700)).when(remove),
      rejected(new ItemNotInOrder({ productId: "tea" }))
    )
    assert.deepStrictEqual(
      given(created, added("tea", 1, 100), removed("tea", 1, 100)).when(remove),
      rejected(new ItemNotInOrder({ productId: "tea" }))
    )
  })

  it("refuses more than there is at all prices together", () => {
    assert.deepStrictEqual(
      given(...atThreePrices).when({ ...remove, quantity: 10 }),
      rejected(new NotEnoughItems({ productId: "tea", requested: 10, available: 9 }))
    )
  })
})

describe("the rest of an order's life", () => {
  it("records nothing for the address that it has", () => {
    assert.deepStrictEqual(given(...histories.draft).when(updateAddress), accepted())
    assert.deepStrictEqual(given(...histories.confirmed).when(updateAddress), accepted())
  })

  it("records an address that differs in one field only", () => {
    const withRegion = { ...address, region: "Westminster" }
    assert.deepStrictEqual(
      given(...histories.draft).when({ ...updateAddress, address: withRegion }),
      accepted({ _tag: "ShippingAddressUpdated", address: withRegion })
    )
  })

  it("refuses to confirm an order without items", () => {
    assert.deepStrictEqual(given(created).when(confirm), rejected(new NoItems()))
    assert.deepStrictEqual(
      given(created, added("tea", 1, 100), removed("tea", 1, 100)).when(confirm),
      rejected(new NoItems())
    )
  })

  it("refuses to ship without an address, and ships once there is one", () => {
    const withoutAddress = [created, added("tea", 2, 250), confirmed]
    assert.deepStrictEqual(given(...withoutAddress).when(ship), rejected(new NoShippingAddress()))
    assert.deepStrictEqual(given(...withoutAddress, addressUpdated).when(ship), accepted(shipped))
  })

  it("cancels an order without items", () => {
    assert.deepStrictEqual(given(created).when(cancel), accepted(cancelled))
  })
})

describe("folding events that make no sense", () => {
  const draft = Decider.fold(decider, [created, added("tea", 2, 250)])

  it("leaves an order without items unshipped", () => {
    const empty = Decider.fold(decider, [created, addressUpdated, confirmed])
    assert.strictEqual(decider.evolve(empty, shipped), empty)
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

  it("leaves what is shipped or cancelled as it was", () => {
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

  it("left confirmed orders without items, which are not shipped", () => {
    const emptied = [...histories.confirmed, productRemoved("tea")]
    assert.strictEqual(OrderState.status(past(...emptied)), "confirmed")
    assert.deepStrictEqual(given(...emptied).when(ship), rejected(new NoItems()))
    assert.deepStrictEqual(given(...emptied).when(cancel), accepted(cancelled))
  })
})
