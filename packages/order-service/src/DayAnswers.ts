/**
 * Answers the questions of the day from the log alone.
 *
 * @since 0.1.0
 */
import type { OrderEvent } from "@daybook/order/OrderEvent"
import type { OrderRejection } from "@daybook/order/OrderRejection"
import type { OrderState } from "@daybook/order/OrderState"
import type { HistoryEntry } from "@daybook/store/CommandHandler"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { type Answer, Orders } from "./Orders.ts"

/**
 * An event of an order, with its circumstances and the order's state after it.
 *
 * @category types
 * @since 0.1.0
 */
export type Entry = HistoryEntry<OrderState, OrderEvent>

/**
 * The answer to a request, with the order's state after it; or a rejection.
 *
 * @category types
 * @since 0.1.0
 */
export type Answered = Result.Result<Answer & { readonly state: OrderState }, OrderRejection>

/**
 * Adds the order's state to the answer of one request.
 *
 * @category operations
 * @since 0.1.0
 */
export const answered = Effect.fnUntraced(function* (
  id: string,
  answers: ReadonlyArray<Result.Result<Answer, OrderRejection>>
) {
  const [answer] = answers
  if (answer === undefined) return yield* Effect.die("one request has one answer")
  if (Result.isFailure(answer)) return Result.fail(answer.failure)
  const { revision } = answer.success
  const { state } = yield* (yield* Orders).load(id, { revision })
  return Result.succeed({ ...answer.success, state })
})

/**
 * Returns every event of an order, oldest first.
 *
 * @category operations
 * @since 0.1.0
 */
export const timeline = Effect.fnUntraced(function* (id: string) {
  return yield* Stream.runCollect((yield* Orders).history(id))
})

/**
 * Returns the addresses that an order was to be sent to. The first one is its destination, each
 * later one a change.
 *
 * @category operations
 * @since 0.1.0
 */
export const addresses = (entries: ReadonlyArray<Entry>) =>
  entries
    .filter(({ event }) => event._tag === "ShippingAddressUpdated")
    .map(({ event, recorded: { occurredAt } }, index) => ({
      event,
      occurredAt,
      isChange: index > 0
    }))

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
