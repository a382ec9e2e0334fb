/**
 * Lets two clerks change the same order at the same moment, and records their conflicts.
 *
 * @since 0.1.0
 */
import type { OrderRejection } from "@daybook/order/OrderRejection"
import * as Order from "@daybook/order/Order"
import type { OrderEvent } from "@daybook/order/OrderEvent"
import type { OrderState } from "@daybook/order/OrderState"
import { CommandHandler, CurrentMetadata, type Executed } from "@daybook/store/CommandHandler"
import { EventStore, WrongExpectedRevision } from "@daybook/store/EventStore"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import type * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import type * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type { Request } from "./DayScript.ts"

/** An append that lost because another writer had appended to the stream. */
interface Lost {
  readonly actual: number
  readonly between: ReadonlyArray<RecordedEvent>
}

/**
 * The attempts and the answer of one clerk.
 *
 * @category types
 * @since 0.1.0
 */
export interface Runner {
  readonly request: Request
  /** The appends that lost; empty for a clerk who won at once. */
  readonly lost: ReadonlyArray<Lost>
  readonly answer: Result.Result<Executed<OrderState, OrderEvent>, OrderRejection>
}

/**
 * Runs both requests, each on a command handler of its own, and returns them in the order in which
 * they finished.
 *
 * **Details**
 * The race is real: each handler decides on its own read and appends at its own pace. Only the
 * start is synchronized: both wait until both have read, like two clerks who look at the same page.
 *
 * @category operations
 * @since 0.1.0
 */
export const run = Effect.fn("DayRace.run")(function* (
  id: string,
  requests: readonly [Request, Request],
  occurredAt: DateTime.Utc
) {
  const store = yield* EventStore
  const bothHaveRead = yield* Latch.make()
  let reading = requests.length
  const arrive = Effect.suspend(() => {
    reading -= 1
    return reading > 0 ? bothHaveRead.await : bothHaveRead.open
  })
  const finished: Array<Runner> = []

  const race = (request: Request) => {
    const lost: Array<Lost> = []
    const watched = EventStore.of({
      ...store,
      read: (streamId, options) =>
        // Collected, so that a waiting clerk holds no connection: the embedded Postgres has only
        // one.
        Stream.runCollect(store.read(streamId, options)).pipe(
          Effect.tap(lost.length === 0 ? arrive : Effect.void),
          Effect.map(Stream.fromIterable),
          Stream.unwrap
        ),
      append: (append) =>
        Effect.tapError(store.append(append), (error) =>
          Effect.sync(() => {
            if (error instanceof WrongExpectedRevision) lost.push(error)
          })
        )
    })
    // Fresh, since a layer is otherwise built once and both clerks would share one handler.
    const handler = Layer.fresh(CommandHandler.layer).pipe(
      Layer.provide(Layer.succeed(EventStore, watched))
    )
    return CommandHandler.use((own) =>
      own.executeAll(Order.aggregate, id, [{ command: request.command, occurredAt }])
    ).pipe(
      Effect.provideService(CurrentMetadata, { actor: request.clerk }),
      Effect.provide(handler),
      Effect.map(([answer]) => {
        if (answer !== undefined) finished.push({ request, lost, answer })
      })
    )
  }

  const shuffled = yield* Random.shuffle(requests)
  yield* Effect.forEach(shuffled, race, { concurrency: "unbounded", discard: true })
  return finished
})
