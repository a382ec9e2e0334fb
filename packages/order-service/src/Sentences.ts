/**
 * Puts orders into words: their commands, their events, their states.
 *
 * @since 0.1.0
 */
import type { Address } from "@daybook/order/Address"
import * as Money from "@daybook/order/Money"
import { OrderCommand } from "@daybook/order/OrderCommand"
import { OrderEvent } from "@daybook/order/OrderEvent"
import * as OrderState from "@daybook/order/OrderState"
import * as Output from "./Output.ts"

const place = ({ city, line1, postalCode, recipient }: typeof Address.Type): string =>
  `${recipient}, ${line1}, ${city} ${postalCode}`

const capitalised = (name: string): string => name.slice(0, 1).toUpperCase() + name.slice(1)

/**
 * Describes a command, such as `adds 4 x White metal lantern at GBP 3.39`.
 *
 * @category destructors
 * @since 0.1.0
 */
export const command = (command: OrderCommand): string =>
  OrderCommand.match(command, {
    CreateOrder: ({ currency, customerId }) =>
      `opens an order for ${capitalised(customerId)}, in ${currency}`,
    AddItem: ({ name, quantity, unitPrice }) =>
      `adds ${quantity} x ${name} at ${Money.format(unitPrice)}`,
    RemoveItem: ({ productId, quantity, reason }) =>
      `takes off ${quantity === undefined ? "all of" : `${quantity} x`} ${productId}: ${reason}`,
    UpdateShippingAddress: ({ address }) => `sends it to ${place(address)}`,
    ConfirmOrder: () => "confirms it",
    ShipOrder: ({ carrier, tracking }) => `ships it with ${carrier}, ${tracking}`,
    CancelOrder: ({ reason }) => `cancels it: ${reason}`
  })

/**
 * Describes an event, such as `4 x White metal lantern added at GBP 3.39`.
 *
 * @category destructors
 * @since 0.1.0
 */
export const event = (event: OrderEvent): string =>
  OrderEvent.match(event, {
    OrderCreated: ({ currency, customerId }) =>
      `opened for ${capitalised(customerId)}, in ${currency}`,
    ItemAdded: ({ quantity, unitPrice, ...product }) =>
      `${quantity} x ${called(product)} added at ${Money.format(unitPrice)}`,
    ItemRemoved: ({ quantity, reason, unitPrice, ...product }) =>
      `${quantity} x ${called(product)} at ${Money.format(unitPrice)} taken off: ${reason}`,
    ProductRemoved: ({ productId }) => `all of ${productId} taken off`,
    ShippingAddressUpdated: ({ address }) => `to be sent to ${place(address)}`,
    OrderConfirmed: () => "confirmed",
    OrderShipped: ({ carrier, tracking }) => `shipped with ${carrier}, ${tracking}`,
    OrderCancelled: ({ reason }) => `cancelled: ${reason}`
  })

/** Returns the name of a product, or its id: the shop's first system did not record names. */
const called = ({ name, productId }: { readonly name: string; readonly productId: string }) =>
  name === "" ? productId : name

/**
 * Returns the value of an order; empty for an order that does not exist.
 *
 * @category destructors
 * @since 0.1.0
 */
export const total = (state: OrderState.OrderState): string =>
  state._tag === "NotCreated"
    ? ""
    : Money.format({ currency: state.currency, minor: OrderState.total(state) })

/**
 * Describes an order in one line, such as `draft, 10 items, GBP 28.86`.
 *
 * @category destructors
 * @since 0.1.0
 */
export const summary = (state: OrderState.OrderState): string =>
  [OrderState.status(state), Output.count(OrderState.itemCount(state), "item"), total(state)].join(
    ", "
  )

/**
 * Describes an order on a page: its lines in a table, then its address.
 *
 * @category destructors
 * @since 0.1.0
 */
export const page = (state: OrderState.OrderState): ReadonlyArray<string> => {
  if (state._tag === "NotCreated") return ["there is no such order"]
  const { address, currency } = state
  const money = (minor: number | bigint) => Money.format({ currency, minor })
  const right = "right"
  return [
    ...Output.table(
      [
        { title: "product" },
        { title: "quantity", align: right },
        { title: "price", align: right },
        { title: "value", align: right }
      ],
      state.lines.map((line) => [
        called(line),
        Output.number(line.quantity),
        money(line.unitPriceMinor),
        money(Money.times(line.unitPriceMinor, line.quantity))
      ])
    ),
    address === undefined ? "no address yet" : `to ${place(address)}`
  ]
}
