/**
 * The processes of a shop for the demo: in this process, or those of a served shop.
 *
 * @since 0.1.0
 */
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as StreamId from "@daybook/kernel/StreamId"
import * as Payment from "@daybook/order/Payment"
import type { ConsumerGroups } from "@daybook/reactors/ConsumerGroups"
import type { ProcessTimers } from "@daybook/reactors/ProcessTimers"
import { type CommandError, CommandHandler } from "@daybook/store/CommandHandler"
import type { CheckpointMismatch } from "@daybook/store/Checkpoint"
import { EventStore, type EventStoreError, type ReadError } from "@daybook/store/EventStore"
import * as Context from "effect/Context"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Data from "effect/Data"
import type * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { MinimumLogLevel } from "effect/References"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { ShopFailed } from "./Orders.ts"
import * as Processes from "./Processes.ts"
import * as ServedShop from "./ServedShop.ts"

/**
 * The processes did not do what was waited for.
 *
 * @category errors
 * @since 0.1.0
 */
export class ProcessesSilent extends Data.TaggedError("ProcessesSilent")<{
  readonly streamId: StreamId.StreamId
  readonly type: string
}> {
  override get message() {
    return `the processes of the shop recorded no ${this.type} in ${this.streamId} in ${PATIENCE}`
  }
}

/** Longer than the leases of an earlier demo that was killed; and a served shop may be busy. */
const PATIENCE = "1 minute"

/**
 * A payment that a customer has made.
 *
 * @category types
 * @since 0.1.0
 */
export interface Paid extends Pick<
  typeof Payment.PaymentCommand.cases.ReceivePayment.Type,
  "amount" | "reference"
> {
  readonly occurredAt: DateTime.Utc
}

/**
 * Runs the processes of a shop, and tells what they have recorded.
 *
 * @category services
 * @since 0.1.0
 */
export class ShopProcesses extends Context.Service<
  ShopProcesses,
  {
    /** Runs the processes until the scope is closed; a served shop runs its own in any case. */
    readonly run: Effect.Effect<void, EventStoreError, Scope.Scope>
    /** Records the payment of an order. */
    readonly pay: (
      order: string,
      paid: Paid
    ) => Effect.Effect<void, Payment.WrongPaymentState | CommandError | ShopFailed>
    /** Returns the events of a stream up to the first one of a type, which it waits for. */
    readonly upTo: (
      streamId: StreamId.StreamId,
      type: string
    ) => Effect.Effect<
      ReadonlyArray<RecordedEvent>,
      ProcessesSilent | ReadError | CheckpointMismatch | ShopFailed
    >
  }
>()("@daybook/order-service/ShopProcesses") {
  /**
   * The processes in this process.
   *
   * @category layers
   * @since 0.1.0
   */
  static readonly layer: Layer.Layer<
    ShopProcesses,
    never,
    EventStore | CommandHandler | ConsumerGroups | ProcessTimers
  > = Layer.effect(
    ShopProcesses,
    Effect.gen(function* () {
      const context = yield* Effect.context<
        EventStore | CommandHandler | ConsumerGroups | ProcessTimers
      >()
      const { subscribe } = yield* EventStore
      const payments = yield* CommandHandler.for(Payment.aggregate)
      return ShopProcesses.of({
        run: Effect.asVoid(Layer.build(Processes.layerManagers())).pipe(
          // What a busy machine delays is made up for, and is nothing for the page.
          Effect.provideService(MinimumLogLevel, "Error"),
          Effect.provideContext(context)
        ),
        pay: (order, { occurredAt, ...paid }) =>
          Effect.asVoid(
            payments.execute(order, { _tag: "ReceivePayment", ...paid }, { occurredAt })
          ),
        upTo: waiting((streamId) => subscribe({ categories: [StreamId.category(streamId)] }))
      })
    })
  )

  /**
   * The processes of a served shop.
   *
   * @category layers
   * @since 0.1.0
   */
  static readonly layerServed = (address: ServedShop.Address): Layer.Layer<ShopProcesses> =>
    Layer.effect(
      ShopProcesses,
      Effect.gen(function* () {
        const { payments } = yield* ServedShop.client(address)
        const { log } = yield* ServedShop.follower(address)
        const random = yield* SecureRandom.SecureRandom
        const failed = (cause: unknown) => new ShopFailed({ url: address.url, cause })
        return ShopProcesses.of({
          run: Effect.void,
          pay: Effect.fnUntraced(function* (order, { occurredAt, ...paid }) {
            yield* payments
              .execute({
                params: { id: order },
                headers: {
                  "idempotency-key": yield* random.uuidV4(),
                  "x-occurred-at": occurredAt
                },
                payload: { _tag: "ReceivePayment", ...paid }
              })
              .pipe(
                Effect.catchTag("Rejected", ({ rejection }) => Effect.fail(rejection)),
                Effect.mapError((error) =>
                  error instanceof Payment.WrongPaymentState ? error : failed(error)
                )
              )
          }),
          upTo: waiting((streamId) =>
            log.events({ query: { category: [StreamId.category(streamId)] }, headers: {} }).pipe(
              Stream.unwrap,
              Stream.filterMap((one) =>
                one.event === "recorded" ? Result.succeed(one.data) : Result.fail(one)
              ),
              Stream.mapError(failed)
            )
          )
        })
      })
    ).pipe(Layer.provide(SecureRandom.layerWebCrypto))
}

const waiting =
  <E>(follow: (streamId: StreamId.StreamId) => Stream.Stream<RecordedEvent, E>) =>
  (streamId: StreamId.StreamId, type: string) =>
    follow(streamId).pipe(
      Stream.filter((recorded) => recorded.streamId === streamId),
      Stream.takeUntil((recorded) => recorded.type === type),
      Stream.runCollect,
      Effect.timeoutOrElse({
        duration: PATIENCE,
        orElse: () => Effect.fail(new ProcessesSilent({ streamId, type }))
      })
    )
