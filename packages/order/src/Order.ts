/**
 * The order of an online shop: start reading here, then `OrderDecider`.
 *
 * @since 0.1.0
 */
import * as Aggregate from "@daybook/kernel/Aggregate"
import { decider } from "./OrderDecider.ts"
import { codec } from "./OrderEvent.ts"
import { OrderState } from "./OrderState.ts"

/**
 * Orders, each in a stream such as `order-42`.
 *
 * @category aggregates
 * @since 0.1.0
 */
export const aggregate = Aggregate.make({
  category: "order",
  decider,
  codec,
  state: OrderState
})
