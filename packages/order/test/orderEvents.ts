/**
 * Events of an order, for examples.
 */
import type { Address } from "@daybook/order/Address"
import type { OrderEvent } from "@daybook/order/OrderEvent"

const gbp = (minor: number) => ({ currency: "GBP", minor })
export const address: Address = {
  recipient: "Ada Lovelace",
  line1: "12 St James's Square",
  city: "London",
  postalCode: "SW1Y 4LB",
  country: "GB"
}
export const created: OrderEvent = { _tag: "OrderCreated", customerId: "ada", currency: "GBP" }
export const added = (
  productId: string,
  quantity: number,
  minor: number,
  name = "Tea"
): OrderEvent => ({
  _tag: "ItemAdded",
  productId,
  name,
  quantity,
  unitPrice: gbp(minor)
})
export const removed = (productId: string, quantity: number, minor: number): OrderEvent => ({
  _tag: "ItemRemoved",
  productId,
  name: "Tea",
  quantity,
  unitPrice: gbp(minor),
  reason: "too many"
})
export const productRemoved = (productId: string): OrderEvent => ({
  _tag: "ProductRemoved",
  productId
})
export const sentTo = (line1: string): OrderEvent => ({
  _tag: "ShippingAddressUpdated",
  address: { ...address, line1 }
})
export const confirmed: OrderEvent = { _tag: "OrderConfirmed" }
export const shipped: OrderEvent = { _tag: "OrderShipped", carrier: "Royal Mail", tracking: "RM1" }
export const cancelled: OrderEvent = { _tag: "OrderCancelled", reason: "changed my mind" }
