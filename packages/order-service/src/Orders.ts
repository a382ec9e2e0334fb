/**
 * The orders of a shop for the demo: in this process, or served elsewhere.
 *
 * @since 0.1.0
 */
import type { Revision } from "@daybook/kernel/Revision"
import * as Order from "@daybook/order/Order"
import type { OrderCommand } from "@daybook/order/OrderCommand"
import type { OrderEvent } from "@daybook/order/OrderEvent"
import type { OrderRejection } from "@daybook/order/OrderRejection"
import type { OrderState } from "@daybook/order/OrderState"
import {
  type CommandError,
  CommandHandler,
  type ExpectOptions,
  type HistoryEntry,
  type Loaded,
  type LoadError,
  type Request
} from "@daybook/store/CommandHandler"
import type { InvalidReadOption } from "@daybook/store/EventStore"
import * as StartFailure from "@daybook/store/StartFailure"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import type * as Stream from "effect/Stream"

/**
 * The answer to an accepted command.
 *
 * @category types
 * @since 0.1.0
 */
export interface Answer {
  /** The revision of the order after the command. */
  readonly revision: Revision
  /** The number of events of the command, perhaps none. */
  readonly events: number
  /** True when the command was recorded before, perhaps by an attempt whose answer was lost. */
  readonly repeated: boolean
}

/**
 * A past moment of an order.
 *
 * @category types
 * @since 0.1.0
 */
export type Moment =
  | { readonly revision: Revision; readonly occurredAt?: never }
  | { readonly occurredAt: DateTime.Utc; readonly revision?: never }

/**
 * A served shop could not be reached, or refused a request.
 *
 * @category errors
 * @since 0.1.0
 */
export class ShopFailed extends Data.TaggedError("ShopFailed")<{
  readonly url: string
  readonly cause: unknown
}> {
  override get message() {
    return `the shop at ${this.url} failed: ${StartFailure.lineOf(this.cause)}`
  }
}

/**
 * Executes commands on orders and reads them.
 *
 * @category services
 * @since 0.1.0
 */
export class Orders extends Context.Service<
  Orders,
  {
    /** Executes the commands in turn; in this process they are recorded together. */
    readonly execute: (
      id: string,
      requests: ReadonlyArray<Request<OrderCommand>>,
      options?: ExpectOptions
    ) => Effect.Effect<
      ReadonlyArray<Result.Result<Answer, OrderRejection>>,
      CommandError | ShopFailed
    >
    /** Returns the order now or at a moment; the initial state when there is no such order. */
    readonly load: (
      id: string,
      at?: Moment
    ) => Effect.Effect<Loaded<OrderState>, LoadError | InvalidReadOption | ShopFailed>
    /** Returns each event of the order, oldest first, with the state after it. */
    readonly history: (
      id: string
    ) => Stream.Stream<HistoryEntry<OrderState, OrderEvent>, LoadError | ShopFailed>
  }
>()("@daybook/order-service/Orders") {
  /**
   * The orders of this process.
   *
   * @category layers
   * @since 0.1.0
   */
  static readonly layer: Layer.Layer<Orders, never, CommandHandler> = Layer.effect(
    Orders,
    Effect.map(CommandHandler.for(Order.aggregate), ({ executeAll, history, load, loadAt }) =>
      Orders.of({
        execute: (id, requests, options) =>
          Effect.map(executeAll(id, requests, options), (answers) =>
            answers.map(
              Result.map(({ events, repeated, revision }) => ({
                revision,
                events: events.length,
                repeated
              }))
            )
          ),
        load: (id, at) => (at === undefined ? load(id) : loadAt(id, at)),
        history
      })
    )
  )
}
