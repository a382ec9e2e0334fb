/**
 * The rules of an order by example: every cell of the table of commands and statuses, then the
 * rules outside the table.
 */
import type { Address } from "@daybook/order/Address"
import { MAX_MINOR } from "@daybook/order/Money"
import { OrderCommand } from "@daybook/order/OrderCommand"
import { decider } from "@daybook/order/OrderDecider"
import { OrderEvent } from "@daybook/order/OrderEvent"
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
import * as Specification from "@daybook/testing/Specification"
import * as Struct from "effect/Struct"

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

export const created = {
  _tag: "OrderCreated",
  customerId: "ada",
  currency: "GBP"
} as const
export const added = (productId: string, quantity: number, minor: number): ItemAdded => ({
  _tag: "ItemAdded",
  productId,
  name: productId,
  quantity,
  unitPrice: gbp(minor)
})
export const removed = (productId: string, quantity: number, minor: number): ItemRemoved => ({
  ...added(productId, quantity, minor),
  _tag: "ItemRemoved",
  reason: "too many"
})
export const productRemoved = (productId: string): OrderEvent => ({
  _tag: "ProductRemoved",
  productId
})
export const addressUpdated: OrderEvent = { _tag: "ShippingAddressUpdated", address }
export const confirmed: OrderEvent = { _tag: "OrderConfirmed" }
export const shipped: OrderEvent = { _tag: "OrderShipped", carrier: "Royal Mail", tracking: "RM1" }
const cancelled: OrderEvent = { _tag: "OrderCancelled", reason: "changed my mind" }

/** An order in each status, with an item and an address where the status can have them. */
export const histories: Record<OrderState.OrderStatus, ReadonlyArray<OrderEvent>> = {
  none: [],
  draft: [created, added("tea", 2, 250), addressUpdated],
  confirmed: [created, added("tea", 2, 250), addressUpdated, confirmed],
  shipped: [created, added("tea", 2, 250), addressUpdated, confirmed, shipped],
  cancelled: [created, added("tea", 2, 250), addressUpdated, cancelled]
}

const toBath = { ...address, city: "Bath" }

/** Each command, the statuses that allow it, and its event there. */
const table: ReadonlyArray<{
  readonly command: OrderCommand
  readonly from: ReadonlyArray<OrderState.OrderStatus>
  readonly event: OrderEvent
}> = [
  { command: create, from: ["none"], event: created },
  { command: add, from: ["draft"], event: { ...added("tea", 2, 250), name: "Tea" } },
  { command: remove, from: ["draft"], event: removed("tea", 2, 250) },
  {
    command: { ...updateAddress, address: toBath },
    from: ["draft", "confirmed"],
    event: { _tag: "ShippingAddressUpdated", address: toBath }
  },
  { command: confirm, from: ["draft"], event: confirmed },
  { command: ship, from: ["confirmed"], event: shipped },
  { command: cancel, from: ["draft", "confirmed"], event: cancelled }
]

type Given = Specification.Given<OrderCommand, OrderEvent, OrderRejection>

const refusal = (
  command: OrderCommand,
  status: OrderState.OrderStatus,
  allowed: ReadonlyArray<OrderState.OrderStatus>
): OrderRejection =>
  command._tag === "CreateOrder"
    ? new OrderAlreadyExists({ status })
    : new WrongStatus({ command: command._tag, status, allowed })

const cells = (given: Given) =>
  table.flatMap(({ command, event, from }) =>
    OrderState.OrderStatus.literals.map((status) => {
      const accepts = from.includes(status)
      return [
        `${accepts ? "accepts" : "refuses"} ${command._tag} when the status is ${status}`,
        given(...histories[status])
          .when(command)
          .then(accepts ? [event] : refusal(command, status, from))
      ] as const
    })
  )

const covers = [
  OrderCommand.cases,
  Struct.omit(OrderEvent.cases, ["ProductRemoved"]),
  OrderRejection.cases
]

const atThreePrices = [
  created,
  added("tea", 2, 100),
  added("mug", 1, 700),
  added("tea", 3, 110),
  added("tea", 4, 120)
]

export const rules = Specification.make(
  "the rules of an order",
  decider,
  (given) => ({
    ...Object.fromEntries(cells(given)),

    "refuses a price in another currency": given(created)
      .when({ ...add, unitPrice: { currency: "EUR", minor: 250 } })
      .then(new CurrencyMismatch({ expected: "GBP", actual: "EUR" })),
    "accepts an item that costs nothing": given(created)
      .when({ ...add, unitPrice: gbp(0) })
      .then([{ ...added("tea", 2, 0), name: "Tea" }]),
    "accepts a total of exactly 2^53 - 1 minor units": given(
      created,
      added("yacht", 1, MAX_MINOR - 1)
    )
      .when({ ...add, quantity: 1, unitPrice: gbp(1) })
      .then([{ ...added("tea", 1, 1), name: "Tea" }]),
    "refuses a total of 2^53 minor units": given(created, added("yacht", 1, MAX_MINOR))
      .when({ ...add, quantity: 1, unitPrice: gbp(1) })
      .then(new TotalTooLarge({ of: "price", total: "9007199254740992", limit: MAX_MINOR })),
    "names a total past every integer that a number holds to the last unit": given(created)
      .when({ ...add, quantity: MAX_QUANTITY, unitPrice: gbp(MAX_MINOR) })
      .then(new TotalTooLarge({ of: "price", total: "9007199254740991000000", limit: MAX_MINOR })),
    "accepts as many items as a number can count": given(
      created,
      added("gift", Number.MAX_SAFE_INTEGER - 2, 0)
    )
      .when({ ...add, unitPrice: gbp(0) })
      .then([{ ...added("tea", 2, 0), name: "Tea" }]),
    "refuses more items than a number can count, even when they cost nothing": given(
      created,
      added("gift", Number.MAX_SAFE_INTEGER, 0)
    )
      .when({ ...add, unitPrice: gbp(0) })
      .then(
        new TotalTooLarge({
          of: "items",
          total: "9007199254740993",
          limit: Number.MAX_SAFE_INTEGER
        })
      ),

    "removes a product wholly without a quantity, the latest price first": given(...atThreePrices)
      .when(remove)
      .then([removed("tea", 4, 120), removed("tea", 3, 110), removed("tea", 2, 100)]),
    "takes the latest price first with a quantity": given(...atThreePrices)
      .when({ ...remove, quantity: 3 })
      .then([removed("tea", 3, 120)]),
    "takes of the price before when the latest is not enough": given(...atThreePrices)
      .when({ ...remove, quantity: 5 })
      .then([removed("tea", 4, 120), removed("tea", 1, 110)]),
    "removes all there is by its quantity": given(...atThreePrices)
      .when({ ...remove, quantity: 9 })
      .then([removed("tea", 4, 120), removed("tea", 3, 110), removed("tea", 2, 100)]),
    "takes a price that was added again as the latest": given(
      ...atThreePrices,
      added("tea", 1, 100)
    )
      .when({ ...remove, quantity: 4 })
      .then([removed("tea", 3, 100), removed("tea", 1, 120)]),
    "removes more at once than one command can add": given(
      created,
      added("tea", MAX_QUANTITY, 1),
      added("tea", MAX_QUANTITY, 1)
    )
      .when(remove)
      .then([removed("tea", 2 * MAX_QUANTITY, 1)]),
    "refuses to remove a product that is not in the order": given(created, added("mug", 1, 700))
      .when(remove)
      .then(new ItemNotInOrder({ productId: "tea" })),
    "refuses to remove a product that was removed": given(
      created,
      added("tea", 1, 100),
      removed("tea", 1, 100)
    )
      .when(remove)
      .then(new ItemNotInOrder({ productId: "tea" })),
    "refuses to remove more than there is at all prices together": given(...atThreePrices)
      .when({ ...remove, quantity: 10 })
      .then(new NotEnoughItems({ productId: "tea", requested: 10, available: 9 })),

    "records nothing for the address that a draft has": given(...histories.draft)
      .when(updateAddress)
      .then([]),
    "records nothing for the address that a confirmed order has": given(...histories.confirmed)
      .when(updateAddress)
      .then([]),
    "records the first address of an order": given(created)
      .when(updateAddress)
      .then([addressUpdated]),
    "records an address that differs in one field only": given(...histories.draft)
      .when({ ...updateAddress, address: { ...address, region: "Westminster" } })
      .then([{ _tag: "ShippingAddressUpdated", address: { ...address, region: "Westminster" } }]),
    "refuses to confirm an order without items": given(created).when(confirm).then(new NoItems()),
    "refuses to confirm an order whose items were removed": given(
      created,
      added("tea", 1, 100),
      removed("tea", 1, 100)
    )
      .when(confirm)
      .then(new NoItems()),
    "refuses to ship without an address": given(created, added("tea", 2, 250), confirmed)
      .when(ship)
      .then(new NoShippingAddress()),
    "ships once there is an address": given(
      created,
      added("tea", 2, 250),
      confirmed,
      addressUpdated
    )
      .when(ship)
      .then([shipped]),
    "cancels an order without items": given(created).when(cancel).then([cancelled]),

    "refuses to ship what the shop's past left without items": given(
      ...histories.confirmed,
      productRemoved("tea")
    )
      .when(ship)
      .then(new NoItems()),
    "cancels what the shop's past left without items": given(
      ...histories.confirmed,
      productRemoved("tea")
    )
      .when(cancel)
      .then([cancelled])
  }),
  { covers }
)
