/**
 * The consumers of the log that the hosts of a tortured cluster run.
 */
import { aggregate } from "@daybook/order/Order"
import { Broker } from "@daybook/publishing/Broker"
import * as Publisher from "@daybook/publishing/Publisher"
import * as Reactor from "@daybook/reactors/Reactor"
import type { EventId } from "@daybook/kernel/EventId"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

export const REACTOR = "order-reactor"
export const PUBLISHER = "order-publisher"

/** Reacts to each event by `handled`, which stands for the outside world. */
export const reactor = (handled: (event: EventId) => void): Reactor.Reactor<never> =>
  Reactor.make({
    name: REACTOR,
    categories: [aggregate.category],
    react: ({ id }) => Effect.sync(() => handled(id))
  })

/** Publishes one message for each event. */
export const publisher = Publisher.make({
  name: PUBLISHER,
  origin: "/orders",
  sources: [aggregate],
  toMessages: ({ _tag }) => [{ topic: "orders", type: `order.${_tag}`, data: {} }]
})

/** The id of the message of an event. */
export const messageOf = (event: EventId): string => `${PUBLISHER}/${event}/0`

/** A broker whose messages are in the parent process, which outlives the hosts. */
export const broker = (published: (id: string) => void): Layer.Layer<Broker> =>
  Layer.succeed(
    Broker,
    Broker.of({
      name: "parent",
      send: (messages) => Effect.sync(() => messages.forEach(({ id }) => published(id)))
    })
  )
