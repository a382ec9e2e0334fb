import type { Any } from "@daybook/kernel/Projection"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as AddressChanges from "@daybook/order/AddressChanges"
import * as CustomerOrders from "@daybook/order/CustomerOrders"
import { aggregate } from "@daybook/order/Order"
import type { OrderEvent } from "@daybook/order/OrderEvent"
import * as OrderSummary from "@daybook/order/OrderSummary"
import * as ProductDemand from "@daybook/order/ProductDemand"
import { MAX_ITEM_COUNT } from "@daybook/order/Quantity"
import * as RemovedItems from "@daybook/order/RemovedItems"
import { assert, describe, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Schema from "effect/Schema"
import { fold, recordedAs } from "./orderHistories.ts"
import {
  address,
  created,
  added,
  removed,
  productRemoved,
  sentTo,
  confirmed,
  shipped,
  cancelled
} from "./orderEvents.ts"

/** Events of the order 42, one a minute. */
const events = (...all: ReadonlyArray<OrderEvent>) =>
  all.map((event, index) => recordedAs("42", event, index + 1, index + 1, "Priya"))

const minute = (n: number) => DateTime.makeUnsafe(Date.UTC(2026, 0, 1, 0, n))

const then = (projection: Any, recorded: ReadonlyArray<RecordedEvent>) => ({
  rows: (...expected: ReadonlyArray<object>) => {
    const encode = Schema.encodeUnknownSync(Schema.toCodecJson(projection.row))
    assert.deepStrictEqual(
      fold(projection, recorded).map((row) => encode(row)),
      expected.map((row) => encode(row))
    )
  }
})

const summary: OrderSummary.OrderSummary = {
  orderId: "42",
  customerId: "ada",
  status: "draft",
  currency: "GBP",
  totalMinor: 0n,
  itemCount: 0,
  hasAddress: false,
  lines: [],
  createdAt: minute(1),
  updatedAt: minute(1)
}

describe("order_summary", () => {
  it("subtracts removed items by product, price and currency", () => {
    const given = [created, added("tea", 2, 250), added("mug", 2, 250), added("tea", 2, 199)]
    const euros = {
      ...removed("tea", 2, 250),
      unitPrice: { currency: "EUR", minor: 250 }
    } as OrderEvent
    then(
      OrderSummary.projection,
      events(...given, removed("mug", 1, 250), removed("tea", 1, 199), euros)
    ).rows({
      ...summary,
      totalMinor: 949n,
      itemCount: 4,
      lines: [
        ["tea", 250, 2],
        ["mug", 250, 1],
        ["tea", 199, 1]
      ],
      updatedAt: minute(6)
    })
  })

  it("ignores items that no number can count, and no fewer", () => {
    const most = MAX_ITEM_COUNT - 1
    const given = [created, added("gift", most, 0), added("tea", 2, 0)]
    const full = { ...summary, itemCount: most, lines: [["gift", 0, most]], updatedAt: minute(2) }
    then(OrderSummary.projection, events(...given)).rows(full)
    then(OrderSummary.projection, events(...given, added("tea", 1, 0))).rows({
      ...full,
      itemCount: MAX_ITEM_COUNT,
      lines: [
        ["gift", 0, most],
        ["tea", 0, 1]
      ],
      updatedAt: minute(4)
    })
  })

  it("has the status of the order after any events", () => {
    const tea = added("tea", 1, 250)
    for (const [expected, ...recorded] of [
      ["draft", created, tea, sentTo("1"), shipped],
      ["confirmed", created, tea, confirmed, shipped],
      ["confirmed", created, sentTo("1"), confirmed, shipped],
      ["confirmed", created, tea, sentTo("1"), confirmed, productRemoved("tea"), shipped],
      ["shipped", created, tea, sentTo("1"), confirmed, shipped],
      ["shipped", created, tea, sentTo("1"), confirmed, shipped, confirmed],
      ["cancelled", created, tea, sentTo("1"), confirmed, cancelled, shipped],
      ["cancelled", created, tea, cancelled, confirmed]
    ] as const) {
      const [row] = fold(OrderSummary.projection, events(...recorded))
      assert.strictEqual((row as OrderSummary.OrderSummary).status, expected)
    }
  })
})

describe("customer_orders", () => {
  it("has no row for an order that was never created", () => {
    then(CustomerOrders.projection, events(added("tea", 2, 250), cancelled)).rows()
  })
})

describe("product_demand", () => {
  it("has the last name of a product, the greater of two at the same time", () => {
    const named = (...all: ReadonlyArray<readonly [name: string, minute: number]>) => {
      const recorded = all.map(([name, at], n) =>
        recordedAs(String(n), added("tea", 1, 1, name), n + 1, at)
      )
      const [row] = fold(ProductDemand.projection, recorded) as [ProductDemand.ProductDemand]
      return [row.name, row.namedAt]
    }
    const [green, mint] = [["Green tea", 5] as const, ["Mint tea", 5] as const]
    assert.deepStrictEqual(named(green, mint), ["Mint tea", minute(5)])
    assert.deepStrictEqual(named(mint, green), ["Mint tea", minute(5)])
    assert.deepStrictEqual(named(green, ["Mint tea", 4]), ["Green tea", minute(5)])
    assert.deepStrictEqual(named(["Mint tea", 4], green), ["Green tea", minute(5)])
  })
})

describe("address_changes", () => {
  const none: AddressChanges.AddressChanges = {
    orderId: "42",
    customerId: "ada",
    changes: 0,
    firstAt: null,
    lastAt: null,
    addresses: []
  }
  const at = (n: number, line1: string) => ({ at: minute(n), address: { ...address, line1 } })

  it("has no row for an order that was never created", () => {
    then(AddressChanges.projection, events(sentTo("1"), sentTo("2"))).rows()
  })

  it("has each address and its time", () => {
    const isRow = Schema.is(AddressChanges.AddressChanges)
    assert.isTrue(isRow({ ...none, addresses: [at(2, "1")] }))
    assert.isFalse(isRow({ ...none, addresses: [{ at: minute(2) }] }))
    assert.isFalse(isRow({ ...none, addresses: [{ address }] }))
  })
})

const all = [
  created,
  added("tea", 2, 250),
  removed("tea", 1, 250),
  productRemoved("mug"),
  sentTo("1"),
  confirmed,
  shipped,
  cancelled
]

describe("An event touches the rows that it concerns:", () => {
  const tea = { productId: "tea", currency: "GBP" }
  const mug = { productId: "mug", currency: "GBP" }
  const order = { orderId: "42" }
  const ids = events(...all).map(({ id }) => ({ eventId: id }))

  for (const [projection, ...keys] of [
    [OrderSummary.projection, ...all.map(() => order)],
    [CustomerOrders.projection, ...all.map(() => order)],
    [AddressChanges.projection, order, null, null, null, order, null, null, null],
    [ProductDemand.projection, null, tea, tea, mug, null, null, null, null],
    [RemovedItems.projection, null, null, ids[2], ids[3], null, null, null, null]
  ] as ReadonlyArray<readonly [Any, ...ReadonlyArray<object | null>]>) {
    it(`of ${projection.name}`, () => {
      const recorded = events(...all)
      assert.deepStrictEqual(
        all.map((event, n) => projection.keys(event, recorded[n] as RecordedEvent)),
        keys.map((key) => (key === null ? [] : [key]))
      )
    })
  }
})

describe("A row is unchanged by an event that does not touch it:", () => {
  const recorded = events(...all)
  const [demand = {}] = fold(ProductDemand.projection, events(created, added("tea", 2, 250)))
  for (const [projection, row, touches] of [
    [AddressChanges.projection, { addresses: [] }, ["OrderCreated", "ShippingAddressUpdated"]],
    [ProductDemand.projection, demand, ["ItemAdded", "ItemRemoved", "ProductRemoved"]],
    [RemovedItems.projection, {}, ["ItemRemoved", "ProductRemoved"]]
  ] as ReadonlyArray<readonly [Any, object, ReadonlyArray<string>]>) {
    it(`of ${projection.name}`, () => {
      for (const [n, event] of all.entries()) {
        if (touches.includes(event._tag)) continue
        const applied = { key: {}, recorded: recorded[n] as RecordedEvent }
        assert.strictEqual(projection.apply(row, event, applied), row)
      }
    })
  }
})

describe("The read models of an order", () => {
  it("read only orders", () => {
    for (const { from } of [
      OrderSummary.projection,
      CustomerOrders.projection,
      ProductDemand.projection,
      AddressChanges.projection,
      RemovedItems.projection
    ] as ReadonlyArray<Any>) {
      assert.deepStrictEqual(from, [aggregate])
    }
  })

  it("have rows of every status that an order can have", () => {
    const isRow = Schema.is(OrderSummary.OrderSummary)
    const statuses = ["draft", "confirmed", "shipped", "cancelled", "none", ""]
    assert.deepStrictEqual(
      statuses.filter((status) => isRow({ ...summary, status })),
      ["draft", "confirmed", "shipped", "cancelled"]
    )
  })
})
