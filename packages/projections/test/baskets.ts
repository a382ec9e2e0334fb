/**
 * Orders that fill a log: items of a few products are added, and some removed again.
 */
import * as Aggregate from "@daybook/kernel/Aggregate"
import * as EventId from "@daybook/kernel/EventId"
import type { NewEvent } from "@daybook/kernel/NewEvent"
import { aggregate } from "@daybook/order/Order"
import { codec, type OrderEvent } from "@daybook/order/OrderEvent"
import * as Arr from "effect/Array"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as DateTime from "effect/DateTime"
import * as Result from "effect/Result"

const currency = "GBP"
const occurredAt = DateTime.makeUnsafe("2010-12-01T08:26:00Z")

const event = (n: number): OrderEvent => {
  if (n === 0) return { _tag: "OrderCreated", customerId: "17850", currency }
  const item = { productId: `product-${n % 5}`, name: "Mug", unitPrice: { currency, minor: 255 } }
  return n % 7 === 6
    ? { _tag: "ItemRemoved", ...item, quantity: 1, reason: "cracked" }
    : { _tag: "ItemAdded", ...item, quantity: 2 + (n % 3) }
}

/** Makes a new order with a number of events. */
export const basket = (events: number) => ({
  streamId: Result.getOrThrow(Aggregate.streamId(aggregate, SecureRandom.uuidV4Unsafe())),
  events: Arr.makeBy(events, (n): NewEvent => ({
    ...Result.getOrThrow(codec.encode(event(n))),
    id: EventId.make(SecureRandom.uuidV4Unsafe()),
    metadata: {},
    occurredAt
  }))
})
