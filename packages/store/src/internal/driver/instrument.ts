/**
 * The spans and metrics of every event store.
 */
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as Stream from "effect/Stream"
import type { AppendError, EventStore } from "../../EventStore.ts"
import { inSpan } from "./inSpan.ts"

const appends = Metric.counter("daybook_appends", {
  description:
    "Calls of append and appendAll, by store and outcome: appended, or the tag of the error"
})
const appendedEvents = Metric.counter("daybook_appended_events", {
  description: "Events in acknowledged appends, repeated ones included, by store"
})

const subscriptions = Metric.gauge("daybook_subscriptions", {
  description: "Subscriptions that are open, by store"
})
const subscribedEvents = Metric.counter("daybook_subscribed_events", {
  description: "Events given to subscribers, by store"
})

/** Adds spans and metrics to a store, and `subscribe` from its pages. */
export const instrument = (
  store: "memory" | "postgres",
  service: Omit<EventStore["Service"], "subscribe">
): EventStore["Service"] => {
  // A subscription has no span: it may run until its host ends, and then would never be exported.
  const open = Metric.withAttributes(subscriptions, { store })
  const subscribed = Metric.withAttributes(subscribedEvents, { store })
  const subscribePages: EventStore["Service"]["subscribePages"] = (options) =>
    Stream.unwrap(
      Effect.as(
        Effect.acquireRelease(Metric.modify(open, 1), () => Metric.modify(open, -1)),
        Stream.tap(service.subscribePages(options), ({ events }) =>
          Metric.update(subscribed, events.length)
        )
      )
    )
  const appended = Metric.withAttributes(appends, { store, outcome: "appended" })
  const events = Metric.withAttributes(appendedEvents, { store })
  // Counts in the step that has the answer: an effect for each counter costs more than the count.
  const counted = <A>(effect: Effect.Effect<A, AppendError>, size: number) =>
    Effect.withFiber(({ context }) =>
      effect.pipe(
        Effect.map((answer) => {
          appended.updateUnsafe(1, context)
          events.updateUnsafe(size, context)
          return answer
        }),
        Effect.tapError((error) =>
          Metric.update(Metric.withAttributes(appends, { store, outcome: error._tag }), 1)
        )
      )
    )
  return {
    append: (append) => {
      const size = append.events.length
      return inSpan(counted(service.append(append), size), "EventStore.append", () => ({
        attributes: { "daybook.stream": append.streamId, "daybook.events": size }
      }))
    },
    appendAll: (options) => {
      const size = options.appends.reduce((sum, { events }) => sum + events.length, 0)
      return inSpan(counted(service.appendAll(options), size), "EventStore.appendAll", () => ({
        attributes: { "daybook.streams": options.appends.length, "daybook.events": size }
      }))
    },
    read: (streamId, options) =>
      service
        .read(streamId, options)
        .pipe(Stream.withSpan("EventStore.read", { attributes: { "daybook.stream": streamId } })),
    readAll: (options) => service.readAll(options).pipe(Stream.withSpan("EventStore.readAll")),
    subscribe: (options) =>
      Stream.flattenIterable(Stream.map(subscribePages(options), ({ events }) => events)),
    subscribePages,
    head: service.head.pipe(Effect.withSpan("EventStore.head")),
    positionAt: (at) => service.positionAt(at).pipe(Effect.withSpan("EventStore.positionAt")),
    streams: (options) => service.streams(options).pipe(Stream.withSpan("EventStore.streams")),
    stream: (streamId) =>
      service
        .stream(streamId)
        .pipe(Effect.withSpan("EventStore.stream", { attributes: { "daybook.stream": streamId } })),
    backlog: (options) => service.backlog(options).pipe(Effect.withSpan("EventStore.backlog")),
    find: (ids) =>
      inSpan(service.find(ids), "EventStore.find", () => ({
        attributes: { "daybook.events": ids.length }
      })),
    identity: service.identity,
    checkpoint: service.checkpoint,
    verify: service.verify,
    inTransaction: service.inTransaction
  }
}
