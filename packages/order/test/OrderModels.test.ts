import type { Any } from "@daybook/kernel/Projection"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import type { Address } from "@daybook/order/Address"
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
import { fold, recordedAs, stored } from "./orderHistories.ts"

const gbp = (minor: number) => ({ currency: "GBP", minor })
const address: Address = {
  recipient: "Ada Lovelace",
  line1: "12 St James's Square",
  city: "London",
  postalCode: "SW1Y 4LB",
  country: "GB"
}
const created: OrderEvent = { _tag: "OrderCreated", customerId: "ada", currency: "GBP" }
const added = (productId: string, quantity: number, minor: number, name = "Tea"): OrderEvent => ({
  _tag: "ItemAdded",
  productId,
  name,
  quantity,
  unitPrice: gbp(minor)
})
const removed = (productId: string, quantity: number, minor: number): OrderEvent => ({
  _tag: "ItemRemoved",
  productId,
  name: "Tea",
  quantity,
  unitPrice: gbp(minor),
  reason: "too many"
})
const productRemoved = (productId: string): OrderEvent => ({ _tag: "ProductRemoved", productId })
const sentTo = (line1: string): OrderEvent => ({
  _tag: "ShippingAddressUpdated",
  address: { ...address, line1 }
})
const confirmed: OrderEvent = { _tag: "OrderConfirmed" }
const shipped: OrderEvent = { _tag: "OrderShipped", carrier: "Royal Mail", tracking: "RM1" }
const cancelled: OrderEvent = { _tag: "OrderCancelled", reason: "changed my mind" }

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
  it("has a total and a count that are right after additions and removals at several prices", () => {
    const given = [created, added("tea", 3, 250), added("tea", 2, 199), removed("tea", 1, 250)]
    then(
      OrderSummary.projection,
      events(...given, added("tea", 1, 250), removed("tea", 2, 199))
    ).rows({
      ...summary,
      totalMinor: 750n,
      itemCount: 3,
      lines: [["tea", 250, 3]],
      updatedAt: minute(6)
    })
  })

  it("counts a removal of the first system, which said neither how many nor at what price", () => {
    const given = [created, added("tea", 3, 250), added("mug", 1, 600), added("tea", 2, 199)]
    then(OrderSummary.projection, events(...given, productRemoved("tea"))).rows({
      ...summary,
      totalMinor: 600n,
      itemCount: 1,
      lines: [["mug", 600, 1]],
      updatedAt: minute(5)
    })
  })

  it("keeps what a cancelled order was worth, and knows that it is cancelled", () => {
    then(
      OrderSummary.projection,
      events(created, added("tea", 2, 250), cancelled, sentTo("1"))
    ).rows({
      ...summary,
      status: "cancelled",
      totalMinor: 500n,
      itemCount: 2,
      lines: [["tea", 250, 2]],
      updatedAt: minute(3)
    })
  })

  it("is left as it is by what means nothing to the order", () => {
    const euros: OrderEvent = {
      ...added("tea", 1, 1),
      unitPrice: { currency: "EUR", minor: 1 }
    } as OrderEvent
    for (const nothing of [created, euros, removed("mug", 1, 1), productRemoved("mug"), shipped]) {
      then(OrderSummary.projection, events(created, nothing)).rows(summary)
    }
    then(OrderSummary.projection, events(added("tea", 1, 1), confirmed)).rows()
  })

  it("takes what is removed of its product at its price, and in its currency", () => {
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

  it("leaves out items that no number could count, and no fewer", () => {
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

  it("has the status that the order has, whatever is recorded of it", () => {
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

  it("has a total past what a number holds", () => {
    const dear = added("tea", Number.MAX_SAFE_INTEGER - 1, Number.MAX_SAFE_INTEGER)
    const [row] = fold(OrderSummary.projection, events(created, dear)) as [
      OrderSummary.OrderSummary
    ]
    assert.strictEqual(
      row.totalMinor,
      81_129_638_414_606_663_681_390_495_662_081n - 9_007_199_254_740_991n
    )
  })
})

describe("customer_orders", () => {
  const order: CustomerOrders.CustomerOrder = {
    orderId: "42",
    customerId: "ada",
    status: "shipped",
    currency: "GBP",
    totalMinor: 500n,
    itemCount: 2,
    hasAddress: true,
    lines: [["tea", 250, 2]],
    createdAt: minute(1),
    confirmedAt: minute(4),
    shippedAt: minute(5),
    carrier: "Royal Mail",
    tracking: "RM1",
    cancelledAt: null,
    cancelReason: null
  }

  it("tells when an order was made, confirmed and shipped, and with whom", () => {
    const given = [created, added("tea", 2, 250), sentTo("1"), confirmed, shipped, cancelled]
    then(CustomerOrders.projection, events(...given)).rows(order)
  })

  it("has no row of an order that was never created", () => {
    then(CustomerOrders.projection, events(added("tea", 2, 250), cancelled)).rows()
  })

  it("tells why an order was cancelled", () => {
    const given = [created, added("tea", 2, 250), sentTo("1"), confirmed, cancelled]
    then(CustomerOrders.projection, events(...given)).rows({
      ...order,
      status: "cancelled",
      shippedAt: null,
      carrier: null,
      tracking: null,
      cancelledAt: minute(5),
      cancelReason: "changed my mind"
    })
  })
})

describe("product_demand", () => {
  const tea: ProductDemand.ProductDemand = {
    productId: "tea",
    currency: "GBP",
    name: "Green tea",
    namedAt: minute(3),
    additions: 2,
    unitsAdded: 5n,
    valueAddedMinor: 1_148n,
    removals: 1,
    unitsRemoved: 1n,
    valueRemovedMinor: 250n,
    wholeRemovals: 0,
    netUnits: 4n,
    netValueMinor: 898n,
    firstAt: minute(2),
    lastAt: minute(4)
  }
  const given = [
    created,
    added("tea", 3, 250),
    added("tea", 2, 199, "Green tea"),
    removed("tea", 1, 250)
  ]

  it("adds up what was wanted, also what was removed again or cancelled", () => {
    then(ProductDemand.projection, events(...given, cancelled)).rows(tea)
  })

  it("is of all orders, and of each currency by itself", () => {
    const euros = {
      ...added("tea", 7, 1, ""),
      unitPrice: { currency: "EUR", minor: 1 }
    } as OrderEvent
    const other = [created, added("tea", 1, 1, "")].map((event, n) =>
      recordedAs("43", event, n + 10, 0)
    )
    const abroad = recordedAs("44", euros, 20, 9)
    then(ProductDemand.projection, [...events(...given), ...other, abroad]).rows(
      {
        ...tea,
        additions: 3,
        unitsAdded: 6n,
        valueAddedMinor: 1_149n,
        netUnits: 5n,
        netValueMinor: 899n,
        firstAt: minute(0)
      },
      {
        ...tea,
        currency: "EUR",
        name: "",
        namedAt: null,
        additions: 1,
        unitsAdded: 7n,
        valueAddedMinor: 7n,
        removals: 0,
        unitsRemoved: 0n,
        valueRemovedMinor: 0n,
        netUnits: 7n,
        netValueMinor: 7n,
        firstAt: minute(9),
        lastAt: minute(9)
      }
    )
  })

  it("calls a product as it was called last, and of two names at once the greater", () => {
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

  it("says how often the first system removed a product without saying how many", () => {
    then(ProductDemand.projection, events(...given, productRemoved("tea"))).rows({
      ...tea,
      wholeRemovals: 1,
      lastAt: minute(5)
    })
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

  it("counts the addresses that took the place of another, and shows them", () => {
    then(AddressChanges.projection, events(created)).rows(none)
    then(AddressChanges.projection, events(created, sentTo("1"))).rows({
      ...none,
      firstAt: minute(2),
      lastAt: minute(2),
      addresses: [at(2, "1")]
    })
    then(
      AddressChanges.projection,
      events(created, sentTo("1"), sentTo("2"), sentTo("2"), sentTo("1"))
    ).rows({
      ...none,
      changes: 2,
      firstAt: minute(2),
      lastAt: minute(5),
      addresses: [at(2, "1"), at(3, "2"), at(5, "1")]
    })
  })

  it("has no row of an order that was never created", () => {
    then(AddressChanges.projection, events(sentTo("1"), sentTo("2"))).rows()
  })

  it("counts all and shows the last 20, so that its row is bounded", () => {
    const many = Array.from({ length: 30 }, (_, n) => String(n))
    then(AddressChanges.projection, events(created, ...many.map(sentTo))).rows({
      ...none,
      changes: 29,
      firstAt: minute(2),
      lastAt: minute(31),
      addresses: many.slice(10).map((line1, n) => at(n + 12, line1))
    })
  })

  it("has of each address what it is, and since when", () => {
    const isRow = Schema.is(AddressChanges.AddressChanges)
    assert.isTrue(isRow({ ...none, addresses: [at(2, "1")] }))
    assert.isFalse(isRow({ ...none, addresses: [{ at: minute(2) }] }))
    assert.isFalse(isRow({ ...none, addresses: [{ address }] }))
  })

  it("knows the address that the creation of an order held once", () => {
    const data = { customerId: "ada", currency: "GBP", shippingAddress: { ...address } }
    then(AddressChanges.projection, [stored("42", "OrderCreated", 2, data, 1, 1)]).rows({
      ...none,
      firstAt: minute(1),
      lastAt: minute(1),
      addresses: [{ at: minute(1), address }]
    })
  })
})

describe("removed_items", () => {
  it("tells what was removed, why and by whom", () => {
    const recorded = events(created, added("tea", 3, 250), removed("tea", 2, 250))
    then(RemovedItems.projection, recorded).rows({
      eventId: recorded[2]?.id,
      orderId: "42",
      productId: "tea",
      name: "Tea",
      quantity: 2,
      currency: "GBP",
      unitPriceMinor: 250,
      reason: "too many",
      removedAt: minute(3),
      removedBy: "Priya",
      recordedAs: "ItemRemoved v2"
    })
  })

  it("tells that the first system recorded neither quantity nor reason", () => {
    const recorded = stored("42", "ItemRemoved", 1, { product_id: "tea" }, 1, 1)
    then(RemovedItems.projection, [recorded]).rows({
      eventId: recorded.id,
      orderId: "42",
      productId: "tea",
      name: null,
      quantity: null,
      currency: null,
      unitPriceMinor: null,
      reason: null,
      removedAt: minute(1),
      removedBy: null,
      recordedAs: "ItemRemoved v1"
    })
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

describe("An event touches the rows that it says something of:", () => {
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

describe("A row is left as it is by an event that does not touch it, when it is given to it:", () => {
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
  it("read orders, and nothing else", () => {
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

describe("The rows of an order", () => {
  const byOrder = [OrderSummary.projection, CustomerOrders.projection, AddressChanges.projection]

  it("are there for every id that a stream may have", () => {
    // A line break that is no control character, and the longest ids of one and of two code units.
    for (const id of ["a\u2028b", "x".repeat(200), "\u{1fad6}".repeat(100)]) {
      for (const projection of byOrder) {
        const [row] = fold(projection, [recordedAs(id, created, 1, 1)])
        assert.isTrue(Schema.is(projection.row)(row))
        assert.deepStrictEqual(projection.streams?.({ orderId: id })?.map(String), [`order-${id}`])
      }
    }
  })

  it("have no streams where no stream has such a name", () => {
    for (const projection of byOrder) {
      for (const orderId of ["", "a\u0000b", "\u{1fad6}".repeat(101)]) {
        assert.deepStrictEqual(projection.streams?.({ orderId }), [])
      }
    }
  })
})
