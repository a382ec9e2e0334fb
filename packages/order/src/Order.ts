/**
 * The order of an online shop: start reading here, then `OrderDecider`.
 *
 * @since 0.1.0
 */
import * as Aggregate from "@daybook/kernel/Aggregate"
import type { OrderCommand } from "./OrderCommand.ts"
import { decider } from "./OrderDecider.ts"
import { codec, type OrderEvent } from "./OrderEvent.ts"
import type { OrderRejection } from "./OrderRejection.ts"
import { OrderState } from "./OrderState.ts"

/**
 * Orders, each in a stream such as `order-42`.
 *
 * @category aggregates
 * @since 0.1.0
 */
export const aggregate: Aggregate.Aggregate<OrderCommand, OrderState, OrderEvent, OrderRejection> =
  Aggregate.make({ category: "order", decider, codec, state: OrderState })
