/**
 * Answers the questions of the evening from the log alone.
 *
 * @since 0.1.0
 */
import { decodeRecorded } from "@daybook/kernel/EventCodec"
import * as Position from "@daybook/kernel/Position"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as Order from "@daybook/order/Order"
import type { OrderEvent } from "@daybook/order/OrderEvent"
import * as OrderEvents from "@daybook/order/OrderEvent"
import type { OrderState } from "@daybook/order/OrderState"
import { CommandHandler, type HistoryEntry } from "@daybook/store/CommandHandler"
import { EventStore } from "@daybook/store/EventStore"
import type * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"

/**
 * An event of an order, with its circumstances and the order's state after it.
 *
 * @category types
 * @since 0.1.0
 */
export type Entry = HistoryEntry<OrderState, OrderEvent>

/**
 * Reads the last position of the log, for questions about later events.
 *
 * @category operations
 * @since 0.1.0
 */
export const head = Effect.gen(function* () {
  const store = yield* EventStore
  const last = yield* Stream.runHead(store.readAll({ direction: "backward", limit: 1 }))
  return Option.match(last, { onNone: () => Position.start, onSome: ({ position }) => position })
})

/**
 * Returns the order as it was at a moment.
 *
 * @category operations
 * @since 0.1.0
 */
export const orderAt = Effect.fnUntraced(function* (id: string, occurredAt: DateTime.Utc) {
  const handler = yield* CommandHandler
  return yield* handler.loadAt(Order.aggregate, id, { occurredAt })
})

/**
 * Returns the order as it is now.
 *
 * @category operations
 * @since 0.1.0
 */
export const orderNow = Effect.fnUntraced(function* (id: string) {
  const handler = yield* CommandHandler
  return yield* handler.load(Order.aggregate, id)
})

/**
 * Returns the addresses that a customer gave for orders opened after a position, oldest first. The
 * first address of an order is its destination, each later one a change.
 *
 * @category operations
 * @since 0.1.0
 */
export const addressesOf = Effect.fnUntraced(function* (
  customerId: string,
  after: Position.Position
) {
  const store = yield* EventStore
  const own = new Set<string>()
  const found: Array<RecordedEvent & { readonly event: OrderEvent; readonly isChange: boolean }> =
    []
  const given = new Set<string>()
  yield* store
    .readAll({
      after,
      categories: [Order.aggregate.category],
      types: ["OrderCreated", "ShippingAddressUpdated"]
    })
    .pipe(
      Stream.runForEach((recorded) =>
        Effect.map(Effect.fromResult(decodeRecorded(OrderEvents.codec, recorded)), (events) => {
          for (const event of events) {
            if (event._tag === "OrderCreated" && event.customerId === customerId) {
              own.add(recorded.streamId)
            }
            if (event._tag === "ShippingAddressUpdated" && own.has(recorded.streamId)) {
              found.push({ ...recorded, event, isChange: given.has(recorded.streamId) })
              given.add(recorded.streamId)
            }
          }
        })
      )
    )
  return found
})

/**
 * Returns every event of an order, oldest first.
 *
 * @category operations
 * @since 0.1.0
 */
export const timeline = Effect.fnUntraced(function* (id: string) {
  const handler = yield* CommandHandler
  return yield* Stream.runCollect(handler.history(Order.aggregate, id))
})

/**
 * Returns the removals from an order, which have the reasons.
 *
 * @category operations
 * @since 0.1.0
 */
export const removals = (entries: ReadonlyArray<Entry>) =>
  entries.flatMap(({ event, recorded }) =>
    event._tag === "ItemRemoved" ? [{ event, recorded }] : []
  )
