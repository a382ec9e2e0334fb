/**
 * The rows of the five read models, recomputed from the accepted commands: loops and maps, no code
 * of the projections, and nothing from the events but actor, time and ids.
 */
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import type { AddressChanges } from "@daybook/order/AddressChanges"
import type { CustomerOrder } from "@daybook/order/CustomerOrders"
import type { OrderCommand } from "@daybook/order/OrderCommand"
import type { OrderSummary } from "@daybook/order/OrderSummary"
import type { ProductDemand } from "@daybook/order/ProductDemand"
import type { RemovedItem } from "@daybook/order/RemovedItems"

/** An accepted command on the order `id`, with the identity and circumstances of its events. */
export interface Accepted {
  readonly id: string
  readonly command: OrderCommand
  readonly recorded: ReadonlyArray<Pick<RecordedEvent, "id" | "occurredAt" | "metadata">>
}

/** Returns the rows of each read model by its name, in any order. */
export const rows = (
  accepted: ReadonlyArray<Accepted>
): ReadonlyMap<string, ReadonlyArray<unknown>> => {
  const orders = Array.from(byOrder(accepted), ([id, own]) => tell(id, own))
  return new Map<string, ReadonlyArray<unknown>>([
    ["order_summary", orders.map(summary)],
    ["customer_orders", orders.map(customerOrder)],
    ["address_changes", orders.map(addressChanges)],
    ["removed_items", orders.flatMap(({ removals }) => removals.map(removedItem))],
    ["product_demand", demand(orders)]
  ])
}

type At = RecordedEvent["occurredAt"]

interface Addition {
  readonly product: string
  readonly name: string
  readonly minor: number
  readonly quantity: number
  readonly currency: string
  readonly at: At
}

interface Removal extends Addition {
  readonly order: string
  readonly reason: string
  readonly eventId: RecordedEvent["id"]
  readonly actor: string | undefined
}

/** The facts of an order after all its commands. */
interface Told {
  readonly id: string
  customer: string
  currency: string
  status: "draft" | "confirmed" | "shipped" | "cancelled"
  /** The lines by price and product; the one with the latest addition comes last. */
  readonly lines: Map<string, { product: string; minor: number; name: string; quantity: number }>
  readonly times: Map<OrderCommand["_tag"], At>
  readonly addresses: Array<AddressChanges["addresses"][number]>
  readonly additions: Array<Addition>
  readonly removals: Array<Removal>
  shipment: { readonly carrier: string; readonly tracking: string } | undefined
  cancelReason: string | undefined
  lastAt: At | undefined
}

const byOrder = (accepted: ReadonlyArray<Accepted>) => {
  const orders = new Map<string, Array<Accepted>>()
  for (const one of accepted) {
    const own = orders.get(one.id) ?? []
    own.push(one)
    orders.set(one.id, own)
  }
  return orders
}

const tell = (id: string, accepted: ReadonlyArray<Accepted>): Told => {
  const order: Told = {
    id,
    customer: "",
    currency: "",
    status: "draft",
    lines: new Map(),
    times: new Map(),
    addresses: [],
    additions: [],
    removals: [],
    shipment: undefined,
    cancelReason: undefined,
    lastAt: undefined
  }
  for (const { command, recorded } of accepted) {
    const [first] = recorded
    // It asked for the present state.
    if (first === undefined) continue
    const at = first.occurredAt
    order.lastAt = at
    order.times.set(command._tag, at)
    switch (command._tag) {
      case "CreateOrder":
        order.customer = command.customerId
        order.currency = command.currency
        break
      case "AddItem": {
        const { name, productId: product, quantity } = command
        const { currency, minor } = command.unitPrice
        order.additions.push({ product, name, minor, quantity, currency, at })
        const key = `${minor} ${product}`
        const had = order.lines.get(key)?.quantity ?? 0
        order.lines.delete(key)
        order.lines.set(key, { product, minor, name, quantity: had + quantity })
        break
      }
      case "RemoveItem": {
        let left = command.quantity ?? Infinity
        let index = 0
        for (const [key, line] of Array.from(order.lines).toReversed()) {
          if (line.product !== command.productId || left === 0) continue
          const { minor, name, product } = line
          const quantity = Math.min(left, line.quantity)
          left -= quantity
          line.quantity -= quantity
          if (line.quantity === 0) order.lines.delete(key)
          const event = recorded[index++]
          if (event === undefined) throw new Error(`${id} has a removal that was not recorded`)
          order.removals.push({
            order: id,
            product,
            name,
            minor,
            quantity,
            currency: order.currency,
            at: event.occurredAt,
            eventId: event.id,
            actor: event.metadata.actor,
            reason: command.reason
          })
        }
        break
      }
      case "UpdateShippingAddress":
        order.addresses.push({ at, address: command.address })
        break
      case "ConfirmOrder":
        order.status = "confirmed"
        break
      case "ShipOrder":
        order.status = "shipped"
        order.shipment = command
        break
      case "CancelOrder":
        order.status = "cancelled"
        order.cancelReason = command.reason
        break
    }
  }
  return order
}

const figures = (order: Told) => {
  const lines = Array.from(order.lines.values())
  let totalMinor = 0n
  let itemCount = 0
  for (const { minor, quantity } of lines) {
    totalMinor += BigInt(minor) * BigInt(quantity)
    itemCount += quantity
  }
  return {
    orderId: order.id,
    customerId: order.customer,
    status: order.status,
    currency: order.currency,
    totalMinor,
    itemCount,
    hasAddress: order.addresses.length > 0,
    lines: lines.map(({ minor, product, quantity }) => [product, minor, quantity] as const),
    createdAt: timeOf(order, "CreateOrder")
  }
}

/** Returns the time of a command; an order has one from its creation on. */
const timeOf = (order: Told, tag: OrderCommand["_tag"]): At => {
  const at = order.times.get(tag)
  if (at === undefined) throw new Error(`${order.id} has no ${tag}`)
  return at
}

const summary = (order: Told): OrderSummary => ({
  ...figures(order),
  updatedAt: order.lastAt ?? timeOf(order, "CreateOrder")
})

const customerOrder = (order: Told): CustomerOrder => ({
  ...figures(order),
  confirmedAt: order.times.get("ConfirmOrder") ?? null,
  shippedAt: order.times.get("ShipOrder") ?? null,
  carrier: order.shipment?.carrier ?? null,
  tracking: order.shipment?.tracking ?? null,
  cancelledAt: order.times.get("CancelOrder") ?? null,
  cancelReason: order.cancelReason ?? null
})

const addressChanges = ({ addresses, customer, id }: Told): AddressChanges => ({
  orderId: id,
  customerId: customer,
  changes: addresses.length === 0 ? 0 : addresses.length - 1,
  firstAt: addresses[0]?.at ?? null,
  lastAt: addresses.at(-1)?.at ?? null,
  addresses: addresses.slice(addresses.length > 20 ? addresses.length - 20 : 0)
})

const removedItem = (removal: Removal): RemovedItem => ({
  eventId: removal.eventId,
  orderId: removal.order,
  productId: removal.product,
  name: removal.name,
  quantity: removal.quantity,
  currency: removal.currency,
  unitPriceMinor: removal.minor,
  reason: removal.reason,
  removedAt: removal.at,
  removedBy: removal.actor ?? null,
  recordedAs: "ItemRemoved v2"
})

const demand = (orders: ReadonlyArray<Told>): ReadonlyArray<ProductDemand> => {
  const additions = orders.flatMap((order) => order.additions)
  const removals = orders.flatMap((order) => order.removals)
  const keys = new Set(
    additions.map(({ currency, product }) => JSON.stringify([product, currency]))
  )
  return Array.from(keys, (key) => {
    const of = <A extends Addition>(all: ReadonlyArray<A>) =>
      all.filter(({ currency, product }) => JSON.stringify([product, currency]) === key)
    const [added, removed] = [of(additions), of(removals)]
    const units = (all: ReadonlyArray<Addition>) =>
      all.reduce((sum, { quantity }) => sum + BigInt(quantity), 0n)
    const value = (all: ReadonlyArray<Addition>) =>
      all.reduce((sum, { minor, quantity }) => sum + BigInt(minor) * BigInt(quantity), 0n)
    const byTime = [...added, ...removed].toSorted((a, b) => millis(a) - millis(b))
    const [first, last] = [byTime[0], byTime.at(-1)]
    const [one] = added
    if (first === undefined || last === undefined || one === undefined) throw new Error(key)
    const named = added
      .filter(({ name }) => name !== "")
      .toSorted((a, b) => millis(a) - millis(b) || (a.name < b.name ? -1 : 1))
      .at(-1)
    return {
      productId: one.product,
      currency: one.currency,
      name: named?.name ?? "",
      namedAt: named?.at ?? null,
      additions: added.length,
      unitsAdded: units(added),
      valueAddedMinor: value(added),
      removals: removed.length,
      unitsRemoved: units(removed),
      valueRemovedMinor: value(removed),
      wholeRemovals: 0,
      netUnits: units(added) - units(removed),
      netValueMinor: value(added) - value(removed),
      firstAt: first.at,
      lastAt: last.at
    }
  })
}

const millis = ({ at }: Addition) => at.epochMilliseconds
