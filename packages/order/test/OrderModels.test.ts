import * as AddressChanges from "@daybook/order/AddressChanges"
import * as CustomerOrders from "@daybook/order/CustomerOrders"
import { OrderEvent } from "@daybook/order/OrderEvent"
import * as OrderSummary from "@daybook/order/OrderSummary"
import * as ProductDemand from "@daybook/order/ProductDemand"
import * as RemovedItems from "@daybook/order/RemovedItems"
import { aggregate } from "@daybook/order/Order"
import * as LawSuite from "@daybook/testing/LawSuite"
import * as ProjectionSpecification from "@daybook/testing/ProjectionSpecification"
import { assert, describe, it } from "@effect/vitest"
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

const { eventId, make, occurredAt, stream } = ProjectionSpecification
const order = stream(aggregate, "42", { metadata: { actor: "Priya" } })
const euros: OrderEvent = {
  _tag: "ItemAdded",
  productId: "tea",
  name: "",
  quantity: 7,
  unitPrice: { currency: "EUR", minor: 1 }
}

const summary: OrderSummary.OrderSummary = {
  orderId: "42",
  customerId: "ada",
  status: "draft",
  currency: "GBP",
  totalMinor: 0n,
  itemCount: 0,
  hasAddress: false,
  lines: [],
  createdAt: occurredAt(1),
  updatedAt: occurredAt(1)
}
const twoTeas = { totalMinor: 500n, itemCount: 2, lines: [["tea", 250, 2]] } as const
const covers = [OrderEvent.cases]

const suiteOf = <Event, Key extends object, Row extends object>(
  specification: ProjectionSpecification.ProjectionSpecification<Event, Key, Row>
): void => LawSuite.suite(specification.name, ProjectionSpecification.laws(specification))

suiteOf(
  make(
    "order_summary",
    OrderSummary.projection,
    (given) => ({
      "has a total and a count that are right after additions and removals at several prices":
        given(
          order.events(
            created,
            added("tea", 3, 250),
            added("tea", 2, 199),
            removed("tea", 1, 250),
            added("tea", 1, 250),
            removed("tea", 2, 199)
          )
        ).then([
          {
            ...summary,
            totalMinor: 750n,
            itemCount: 3,
            lines: [["tea", 250, 3]],
            updatedAt: occurredAt(6)
          }
        ]),
      "counts a removal of the first system, which said neither how many nor at what price": given(
        order.events(
          created,
          added("tea", 3, 250),
          added("mug", 1, 600),
          added("tea", 2, 199),
          productRemoved("tea")
        )
      ).then([
        {
          ...summary,
          totalMinor: 600n,
          itemCount: 1,
          lines: [["mug", 600, 1]],
          updatedAt: occurredAt(5)
        }
      ]),
      "has the address and the status of a confirmed order": given(
        order.events(created, added("tea", 2, 250), sentTo("1"), confirmed)
      ).then([
        { ...summary, ...twoTeas, status: "confirmed", hasAddress: true, updatedAt: occurredAt(4) }
      ]),
      "has the status of a shipped order, which does not change": given(
        order.events(created, added("tea", 2, 250), sentTo("1"), confirmed, shipped, cancelled)
      ).then([
        { ...summary, ...twoTeas, status: "shipped", hasAddress: true, updatedAt: occurredAt(5) }
      ]),
      "has the total and the status of a cancelled order": given(
        order.events(created, added("tea", 2, 250), cancelled, sentTo("1"))
      ).then([{ ...summary, ...twoTeas, status: "cancelled", updatedAt: occurredAt(3) }]),
      "is not changed by events that change nothing in the order": given(
        order.events(created, created, euros, removed("mug", 1, 1), productRemoved("mug"), shipped)
      ).then([summary]),
      "has no row for an order that was never created": given(
        order.events(added("tea", 1, 1), confirmed)
      ).then([ProjectionSpecification.noRow({ orderId: "42" })]),
      "has a total past what a number holds": given(
        order.events(created, added("tea", Number.MAX_SAFE_INTEGER - 1, Number.MAX_SAFE_INTEGER))
      ).then([
        {
          ...summary,
          totalMinor: 81_129_638_414_606_663_681_390_495_662_081n - 9_007_199_254_740_991n,
          itemCount: Number.MAX_SAFE_INTEGER - 1,
          lines: [["tea", Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER - 1]],
          updatedAt: occurredAt(2)
        }
      ])
    }),
    { covers }
  )
)

const customerOrder: CustomerOrders.CustomerOrder = {
  orderId: "42",
  customerId: "ada",
  status: "shipped",
  currency: "GBP",
  hasAddress: true,
  ...twoTeas,
  createdAt: occurredAt(1),
  confirmedAt: occurredAt(4),
  shippedAt: occurredAt(5),
  carrier: "Royal Mail",
  tracking: "RM1",
  cancelledAt: null,
  cancelReason: null
}

suiteOf(
  make("customer_orders", CustomerOrders.projection, (given) => ({
    "has the times of creation, confirmation and shipment, and the carrier": given(
      order.events(created, added("tea", 2, 250), sentTo("1"), confirmed, shipped, cancelled)
    ).then([customerOrder]),
    "has the reason of a cancellation": given(
      order.events(created, added("tea", 2, 250), sentTo("1"), confirmed, cancelled)
    ).then([
      {
        ...customerOrder,
        status: "cancelled",
        shippedAt: null,
        carrier: null,
        tracking: null,
        cancelledAt: occurredAt(5),
        cancelReason: "changed my mind"
      }
    ])
  }))
)

const tea: ProductDemand.ProductDemand = {
  productId: "tea",
  currency: "GBP",
  name: "Green tea",
  namedAt: occurredAt(3),
  additions: 2,
  unitsAdded: 5n,
  valueAddedMinor: 1_148n,
  removals: 1,
  unitsRemoved: 1n,
  valueRemovedMinor: 250n,
  wholeRemovals: 0,
  netUnits: 4n,
  netValueMinor: 898n,
  firstAt: occurredAt(2),
  lastAt: occurredAt(4)
}
const wanted = order.events(
  created,
  added("tea", 3, 250),
  added("tea", 2, 199, "Green tea"),
  removed("tea", 1, 250)
)

suiteOf(
  make("product_demand", ProductDemand.projection, (given) => ({
    "adds up all additions, also of items that were removed again or cancelled": given(
      wanted,
      order.events(cancelled)
    ).then([tea]),
    "adds up all orders, separately by currency": given(
      wanted,
      stream(aggregate, "43", { occurredAt: occurredAt(0) }).events(
        created,
        added("tea", 1, 1, "")
      ),
      stream(aggregate, "44", { occurredAt: occurredAt(9) }).events(euros)
    ).then([
      {
        ...tea,
        additions: 3,
        unitsAdded: 6n,
        valueAddedMinor: 1_149n,
        netUnits: 5n,
        netValueMinor: 899n,
        firstAt: occurredAt(0)
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
        firstAt: occurredAt(9),
        lastAt: occurredAt(9)
      }
    ]),
    "counts the removals of the first system, which recorded no quantity": given(
      wanted,
      order.events(productRemoved("tea"))
    ).then([{ ...tea, wholeRemovals: 1, lastAt: occurredAt(5) }])
  }))
)

const unchanged: AddressChanges.AddressChanges = {
  orderId: "42",
  customerId: "ada",
  changes: 0,
  firstAt: null,
  lastAt: null,
  addresses: []
}
const at = (n: number, line1: string) => ({ at: occurredAt(n), address: { ...address, line1 } })
const many = Array.from({ length: 30 }, (_, n) => String(n))

suiteOf(
  make("address_changes", AddressChanges.projection, (given) => ({
    "has a row for an order without an address": given(order.events(created)).then([unchanged]),
    "shows the first address, which does not count as a change": given(
      order.events(created, sentTo("1"))
    ).then([
      { ...unchanged, firstAt: occurredAt(2), lastAt: occurredAt(2), addresses: [at(2, "1")] }
    ]),
    "counts the addresses that took the place of another, and shows them": given(
      order.events(created, sentTo("1"), sentTo("2"), sentTo("2"), sentTo("1"))
    ).then([
      {
        ...unchanged,
        changes: 2,
        firstAt: occurredAt(2),
        lastAt: occurredAt(5),
        addresses: [at(2, "1"), at(3, "2"), at(5, "1")]
      }
    ]),
    "counts all and shows the last 20, so that its row is bounded": given(
      order.events(created, ...many.map(sentTo))
    ).then([
      {
        ...unchanged,
        changes: 29,
        firstAt: occurredAt(2),
        lastAt: occurredAt(31),
        addresses: many.slice(10).map((line1, n) => at(n + 12, line1))
      }
    ]),
    "reads the address that old creation events hold": given(
      order.stored({
        type: "OrderCreated",
        schemaVersion: 2,
        data: { customerId: "ada", currency: "GBP", shippingAddress: { ...address } }
      })
    ).then([
      {
        ...unchanged,
        firstAt: occurredAt(1),
        lastAt: occurredAt(1),
        addresses: [{ at: occurredAt(1), address }]
      }
    ])
  }))
)

suiteOf(
  make("removed_items", RemovedItems.projection, (given) => ({
    "has the removed item, the reason and the actor": given(
      order.events(created, added("tea", 3, 250), removed("tea", 2, 250))
    ).then([
      {
        eventId: eventId(3),
        orderId: "42",
        productId: "tea",
        name: "Tea",
        quantity: 2,
        currency: "GBP",
        unitPriceMinor: 250,
        reason: "too many",
        removedAt: occurredAt(3),
        removedBy: "Priya",
        recordedAs: "ItemRemoved v2"
      }
    ]),
    "has neither quantity nor reason for removals of the first system": given(
      stream(aggregate, "42").stored({
        type: "ItemRemoved",
        schemaVersion: 1,
        data: { product_id: "tea" }
      })
    ).then([
      {
        eventId: eventId(1),
        orderId: "42",
        productId: "tea",
        name: null,
        quantity: null,
        currency: null,
        unitPriceMinor: null,
        reason: null,
        removedAt: occurredAt(1),
        removedBy: null,
        recordedAs: "ItemRemoved v1"
      }
    ])
  }))
)

describe("The rows of an order", () => {
  const byOrder = [OrderSummary.projection, CustomerOrders.projection, AddressChanges.projection]

  it("exist for every id that a stream may have", () => {
    // A blank that does not break, and the longest ids of one and of two code units.
    for (const id of ["a\u00a0b", "x".repeat(200), "\u{1fad6}".repeat(100)]) {
      for (const projection of byOrder) {
        const [row] = fold(projection, [recordedAs(id, created, 1, 1)])
        assert.isTrue(Schema.is(projection.row)(row))
        assert.deepStrictEqual(projection.streams?.({ orderId: id })?.map(String), [`order-${id}`])
      }
    }
  })

  it("have no streams for an id that no stream can have", () => {
    for (const projection of byOrder) {
      for (const orderId of ["", "a\u0000b", "a\u2028b", "\u{1fad6}".repeat(101)]) {
        assert.deepStrictEqual(projection.streams?.({ orderId }), [])
      }
    }
  })
})
