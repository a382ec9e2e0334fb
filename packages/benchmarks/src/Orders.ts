/**
 * The orders that the measures append, load and change. Items of ten products go into a basket, so
 * that folding a long history measures the fold and not a long list of lines.
 */
import * as Aggregate from "@daybook/kernel/Aggregate"
import * as EventId from "@daybook/kernel/EventId"
import type { NewEvent } from "@daybook/kernel/NewEvent"
import type { StreamId } from "@daybook/kernel/StreamId"
import { aggregate } from "@daybook/order/Order"
import type { OrderCommand } from "@daybook/order/OrderCommand"
import { codec, type OrderEvent } from "@daybook/order/OrderEvent"
import * as Arr from "effect/Array"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as DateTime from "effect/DateTime"
import * as Result from "effect/Result"

const PRODUCTS = 10

const currency = "GBP"

const item = (n: number) => ({
  productId: `product-${n % PRODUCTS}`,
  name: "WHITE HANGING HEART T-LIGHT HOLDER",
  quantity: 6,
  unitPrice: { currency, minor: 255 }
})

/** Returns a command that is always accepted on an order that {@link history} began. */
export const command = (n: number): OrderCommand => ({ _tag: "AddItem", ...item(n) })

/** Returns the stream id of an order. */
export const streamId = (id: string): StreamId =>
  Result.getOrThrow(Aggregate.streamId(aggregate, id))

/** Returns the first `count` events of an order, with fresh ids. */
export const history = (count: number): Arr.NonEmptyReadonlyArray<NewEvent> =>
  Arr.makeBy(count, (n) =>
    newEvent(n === 0 ? { _tag: "OrderCreated", customerId: "17850", currency } : added(n))
  )

/** Returns further events of an order, with fresh ids. */
export const additions = (count: number): Arr.NonEmptyReadonlyArray<NewEvent> =>
  Arr.makeBy(count, (n) => newEvent(added(n)))

const added = (n: number): OrderEvent => ({ _tag: "ItemAdded", ...item(n) })

const occurredAt = DateTime.makeUnsafe("2010-12-01T08:26:00Z")

const newEvent = (event: OrderEvent): NewEvent => ({
  ...Result.getOrThrow(codec.encode(event)),
  id: EventId.make(SecureRandom.uuidV4Unsafe()),
  metadata: {},
  occurredAt
})
