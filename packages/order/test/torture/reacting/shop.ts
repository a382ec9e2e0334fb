/**
 * What the hosts run beside their command handler: two reactors, two processes, two publishers.
 */
import * as DraftReminder from "@daybook/order/DraftReminder"
import * as Order from "@daybook/order/Order"
import * as Payment from "@daybook/order/Payment"
import * as PaymentProcess from "@daybook/order/PaymentProcess"
import * as Publisher from "@daybook/publishing/Publisher"
import * as ProcessRunner from "@daybook/reactors/ProcessRunner"
import * as Reactor from "@daybook/reactors/Reactor"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { SqlClient } from "effect/sql/SqlClient"

/** The topic of Kafka; the stream of NATS and its subject. */
export const TOPIC = "shop"

/**
 * Short, so that hosts take over from one another often; and long enough for a busy machine to renew
 * the leases of all groups.
 */
export const LEASE_MILLIS = 2_000

const categories = [Order.aggregate.category, Payment.aggregate.category]

/** The server is away for a while: an event is tried until it is back. */
const retry = Schedule.spaced("200 millis")

/** Notes each event in a table, by a statement of its own. */
export const noting = Reactor.make({
  name: "noting",
  from: "beginning",
  categories,
  retry,
  react: ({ id }) =>
    Effect.flatMap(
      SqlClient,
      (sql) => sql`INSERT INTO torture.reactions (event_id) VALUES (${id}::text)`
    ).pipe(Effect.asVoid)
})

/** Notes each event in another table, in the transaction that moves its checkpoint. */
export const counting = Reactor.make({
  name: "counting",
  from: "beginning",
  categories,
  retry,
  transactional: true,
  react: ({ id }) =>
    Effect.flatMap(
      SqlClient,
      (sql) => sql`INSERT INTO torture.effects (event_id) VALUES (${id}::text)`
    ).pipe(Effect.asVoid)
})

const publisher = (name: string) =>
  Publisher.make({
    name,
    from: "beginning",
    origin: "/shop",
    sources: [Order.aggregate, Payment.aggregate],
    toMessages: ({ _tag }, { revision }) =>
      Array.from({ length: revision % 2 === 0 ? 2 : 1 }, (_, copy) => ({
        topic: TOPIC,
        type: "shop.event",
        data: { type: _tag, revision, copy }
      }))
  })

export const toKafka = publisher("to_kafka")
export const toNats = publisher("to_nats")

export const processes = [PaymentProcess.process, DraftReminder.process] as const

/** The consumer groups of all of them. */
export const groups: ReadonlyArray<string> = [
  ...[noting, counting, toKafka, toNats].map(({ group }) => group.name),
  ...processes.flatMap((process) => Object.values(ProcessRunner.groupNames(process)))
]
