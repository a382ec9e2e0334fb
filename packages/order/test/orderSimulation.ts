/**
 * Orders in a simulation: the commands, and the expected results, computed with loops over the
 * accepted commands.
 */
import type { OrderCommand } from "@daybook/order/OrderCommand"
import { aggregate } from "@daybook/order/Order"
import { projection as addressChanges } from "@daybook/order/AddressChanges"
import { projection as customerOrders } from "@daybook/order/CustomerOrders"
import type { OrderEvent } from "@daybook/order/OrderEvent"
import type { OrderState } from "@daybook/order/OrderState"
import { projection as orderSummary } from "@daybook/order/OrderSummary"
import { projection as productDemand } from "@daybook/order/ProductDemand"
import { projection as removedItems } from "@daybook/order/RemovedItems"
import type { Accepted, Model } from "@daybook/testing/simulation/Auditor"
import * as Reactor from "@daybook/reactors/Reactor"
import * as CommandCall from "@daybook/store/CommandCall"
import * as Simulation from "@daybook/testing/simulation/Simulation"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { rows } from "./orderModels.ts"
import { restock } from "./restock.ts"
import * as Stock from "./stock.ts"

const product = Schema.Literals(["tea", "mug"])
const quantity = Schema.Literals([1, 2, 7])
const create = Schema.TaggedStruct("CreateOrder", {
  customerId: Schema.Literals(["ada", "bob"]),
  currency: Schema.Literal("GBP")
})
const add = Schema.TaggedStruct("AddItem", {
  productId: product,
  name: Schema.Literals(["Tea", "Mug", ""]),
  quantity,
  unitPrice: Schema.Struct({
    currency: Schema.Literals(["GBP", "GBP", "GBP", "EUR"]),
    minor: Schema.Literals([0, 1, 250])
  })
})
const remove = Schema.TaggedStruct("RemoveItem", {
  productId: product,
  quantity: Schema.optionalKey(quantity),
  reason: Schema.Literals(["broken", "too many"])
})
const updateAddress = Schema.TaggedStruct("UpdateShippingAddress", {
  address: Schema.Struct({
    recipient: Schema.Literal("Ada"),
    line1: Schema.Literals(["1 High Street", "2 High Street"]),
    city: Schema.Literal("London"),
    postalCode: Schema.Literal("N1"),
    country: Schema.Literal("GB")
  })
})

/** Mostly commands that leave an order open. */
export const command: Schema.Codec<OrderCommand, unknown> = Schema.Union([
  create,
  add,
  add,
  add,
  add,
  remove,
  remove,
  updateAddress,
  updateAddress,
  Schema.Union([
    Schema.TaggedStruct("ConfirmOrder", {}),
    Schema.TaggedStruct("ShipOrder", {
      carrier: Schema.Literal("post"),
      tracking: Schema.Literal("P1")
    }),
    Schema.TaggedStruct("CancelOrder", { reason: Schema.Literal("changed their mind") })
  ])
])

interface Line {
  readonly product: string
  readonly minor: number
  name: string
  quantity: number
}

/** Returns an order after its commands, and the events that it recorded. */
const instance = (
  accepted: ReadonlyArray<Accepted<OrderCommand>>
): { readonly state: OrderState; readonly events: ReadonlyArray<OrderEvent> } => {
  const events: Array<OrderEvent> = []
  let lines: Array<Line> = []
  let customerId = ""
  let address: Extract<OrderCommand, { _tag: "UpdateShippingAddress" }>["address"] | undefined
  let last: OrderCommand | undefined
  let confirmed = false
  for (const { command } of accepted) {
    if (command._tag === "CreateOrder") {
      customerId = command.customerId
      events.push({ ...command, _tag: "OrderCreated" })
    } else if (command._tag === "AddItem") {
      const { name, productId, quantity, unitPrice } = command
      const had = lines.find((line) => line.product === productId && line.minor === unitPrice.minor)
      lines = lines.filter((line) => line !== had)
      lines.push({
        product: productId,
        minor: unitPrice.minor,
        name,
        quantity: quantity + (had?.quantity ?? 0)
      })
      events.push({ ...command, _tag: "ItemAdded" })
    } else if (command._tag === "RemoveItem") {
      let left = command.quantity ?? Infinity
      for (let index = lines.length - 1; index >= 0; index--) {
        const line = lines[index]
        if (line === undefined || line.product !== command.productId || left === 0) continue
        const quantity = line.quantity < left ? line.quantity : left
        left -= quantity
        line.quantity -= quantity
        events.push({
          _tag: "ItemRemoved",
          productId: line.product,
          name: line.name,
          quantity,
          unitPrice: { currency: "GBP", minor: line.minor },
          reason: command.reason
        })
      }
      lines = lines.filter((line) => line.quantity > 0)
    } else if (command._tag === "UpdateShippingAddress") {
      address = command.address
      events.push({ ...command, _tag: "ShippingAddressUpdated" })
    } else if (command._tag === "ConfirmOrder") {
      confirmed = true
      events.push({ _tag: "OrderConfirmed" })
    } else if (command._tag === "ShipOrder") {
      events.push({ ...command, _tag: "OrderShipped" })
    } else {
      events.push({ ...command, _tag: "OrderCancelled" })
    }
    last = command
  }
  const open = {
    customerId,
    currency: "GBP",
    lines: lines.map(({ minor, name, product, quantity }) => ({
      productId: product,
      name,
      quantity,
      unitPriceMinor: minor
    })),
    ...(address === undefined ? {} : { address })
  }
  const state = (): unknown => {
    if (last === undefined) return { _tag: "NotCreated" }
    if (last._tag === "ShipOrder" || last._tag === "CancelOrder") {
      const ended = last._tag === "ShipOrder" ? "Shipped" : "Cancelled"
      return { ...last, ...open, _tag: ended }
    }
    return { ...open, _tag: confirmed ? "Confirmed" : "Draft" }
  }
  // The compared values are encoded, and so checked.
  return { state: state() as OrderState, events }
}

export const model: Model<OrderCommand, OrderState, OrderEvent> = { instance, rows }

export const projections = [
  orderSummary,
  customerOrders,
  addressChanges,
  productDemand,
  removedItems
]

const instanceId = Schema.Literals(["a", "b", "c"])

/** Reserves items, and adds them to an order. */
const reservedItem = Simulation.together(
  Schema.Struct({ order: instanceId, stock: instanceId, item: add }),
  ({ item, order, stock }) => [
    CommandCall.make(Stock.aggregate, stock, { _tag: "Reserve", quantity: item.quantity }),
    CommandCall.make(aggregate, order, item)
  ]
)

/** Moves reserved items to another stock, which may be the same. */
const movedStock = Simulation.together(
  Schema.Struct({ from: instanceId, to: instanceId, quantity }),
  ({ from, quantity, to }) => [
    CommandCall.make(Stock.aggregate, from, { _tag: "Reserve", quantity }),
    CommandCall.make(Stock.aggregate, to, { _tag: "Receive", quantity })
  ]
)

/** Reacts to every event; one that fails waits with the later ones of its order or stock. */
const notices = Reactor.make({
  name: "notices",
  from: "beginning",
  categories: [aggregate.category, Stock.aggregate.category],
  react: () => Effect.void,
  onFailure: "park"
})

/** Orders whose items are reserved from stocks. The projections are of orders alone. */
export const orders: Simulation.Simulation = {
  aggregates: [Simulation.of({ aggregate, command, model }), Stock.stock],
  together: [reservedItem, movedStock],
  projections
}

/** The same with processes and a reactor, whose histories take longer. */
export const followedOrders: Simulation.Simulation = {
  ...orders,
  processes: [Simulation.processes(restock)],
  reactors: [notices]
}
