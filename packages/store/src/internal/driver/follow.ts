/**
 * The subscriptions of every store, and the checkpoints that they begin from.
 */
import * as Position from "@daybook/kernel/Position"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as Stream from "effect/Stream"
import { CheckpointMismatch } from "../../Checkpoint.ts"
import type { EventStoreDriver, Filter } from "../../driver/EventStoreDriver.ts"
import * as Polls from "../../driver/Polls.ts"
import type { EventStore, EventStoreError } from "../../EventStore.ts"
import { failed } from "./failed.ts"
import { originOf } from "./originOf.ts"
import * as Subscription from "./subscription.ts"

const subscriptions = Metric.gauge("daybook_subscriptions", {
  description: "Subscriptions that are open, by store"
})
const subscribedEvents = Metric.counter("daybook_subscribed_events", {
  description: "Events given to subscribers, by store"
})
const mismatches = Metric.counter("daybook_checkpoint_mismatches", {
  description: "Checkpoints refused since they are not of the log's history, by store"
})

export const make = <E>(
  driver: EventStoreDriver<E>
): Pick<
  EventStore["Service"],
  "checkpoint" | "identity" | "subscribe" | "subscribePages" | "verify"
> => {
  const { inTransaction = Effect.succeed(false), name: store, readsAhead = true, wakeUps } = driver
  const mismatched = Metric.withAttributes(mismatches, { store })
  const refusing = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
    Effect.tapError(effect, (error) =>
      error instanceof CheckpointMismatch ? Metric.update(mismatched, 1) : Effect.void
    )
  const polls =
    driver.polls ??
    (readsAhead
      ? Polls.makeShared(driver, inTransaction)
      : (filter: Filter) => Polls.make(driver, filter))
  const source: Subscription.Source<EventStoreError> = {
    polls: (filter) => {
      const poll = polls(filter)
      return (after) => refusing(Effect.mapError(poll(after), orMismatch("subscribe")))
    },
    wakeUps,
    alone: readsAhead ? inTransaction : Effect.succeed(true)
  }
  const open = Metric.withAttributes(subscriptions, { store })
  const subscribed = Metric.withAttributes(subscribedEvents, { store })
  // A subscription has no span: it may run until its host ends, and then would never be exported.
  const subscribePages: EventStore["Service"]["subscribePages"] = (options = {}) =>
    Stream.unwrap(
      Effect.as(
        Effect.acquireRelease(Metric.modify(open, 1), () => Metric.modify(open, -1)),
        Stream.tap(Subscription.pages(source, options), ({ events }) =>
          Metric.update(subscribed, events.length)
        )
      )
    )
  const end = (operation: string) =>
    Effect.mapError(driver.origin(Position.start), failed(operation))
  return {
    subscribe: (options) =>
      Stream.flattenIterable(Stream.map(subscribePages(options), ({ events }) => events)),
    subscribePages,
    identity:
      driver.identity === undefined
        ? Effect.map(end("identity"), ({ log }) => log)
        : Effect.mapError(driver.identity, failed("identity")),
    checkpoint: Effect.map(end("checkpoint"), ({ log, settled, settledEvent }) => ({
      log,
      position: settled,
      event: settledEvent
    })),
    verify: (given) =>
      refusing(Effect.asVoid(Effect.mapError(originOf(driver, given), orMismatch("verify"))))
  }
}

const orMismatch = (operation: string) => (cause: unknown) =>
  cause instanceof CheckpointMismatch ? cause : failed(operation)(cause)
