/**
 * A host of orders on the servers of `DATABASE_URL`, whose primary changes: its writers execute
 * commands without end, and it follows the log by a subscriber, read models, a reactor and a
 * publisher. It lives until its standard input closes.
 */
import * as CommandId from "@daybook/kernel/CommandId"
import { aggregate } from "@daybook/order/Order"
import { Money } from "@daybook/order/Money"
import type { OrderCommand } from "@daybook/order/OrderCommand"
import { Projections } from "@daybook/projections/Projections"
import * as ReadModelStorePostgres from "@daybook/projections/ReadModelStorePostgres"
import { defaults, RunnerSettings } from "@daybook/projections/RunnerSettings"
import * as ConsumerGroupsPostgres from "@daybook/reactors/ConsumerGroupsPostgres"
import { Reactors } from "@daybook/reactors/Reactors"
import type { Checkpoint } from "@daybook/store/Checkpoint"
import { CommandHandler } from "@daybook/store/CommandHandler"
import { EventStore } from "@daybook/store/EventStore"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as Postgres from "@daybook/store/Postgres"
import * as Cause from "effect/Cause"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Queue from "effect/Queue"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as Consumers from "../torture/cluster/consumers.ts"
import { type Order, readOrder, type Report, writeReport } from "../torture/cluster/message.ts"
import { lines } from "../torture/message.ts"
import { ofOrders } from "../torture/projections.ts"

const WRITERS = 4

const tell = (report: Report) => process.stdout.write(`${writeReport(report)}\n`)

const orders = Effect.runSync(Queue.unbounded<Order>())
process.stdin.on(
  "data",
  lines((line) => Queue.offerUnsafe(orders, readOrder(line)))
)
// The parent process is gone.
process.stdin.once("close", () => process.exit())

const shift = { over: false }

const eur = (minor: number) => Money.make({ currency: "EUR", minor })

const commands: ReadonlyArray<OrderCommand> = [
  { _tag: "CreateOrder", customerId: "c-1", currency: "EUR" },
  { _tag: "AddItem", productId: "p-1", name: "tea", quantity: 2, unitPrice: eur(250) },
  { _tag: "AddItem", productId: "p-2", name: "cup", quantity: 1, unitPrice: eur(900) },
  { _tag: "RemoveItem", productId: "p-2", reason: "chipped" }
]

/** Executes the commands of one order, each under its id until it is answered. */
const order = Effect.gen(function* () {
  const handler = yield* CommandHandler
  const id = SecureRandom.uuidV4Unsafe()
  for (const command of commands) {
    if (shift.over) return
    const commandId = CommandId.make(SecureRandom.uuidV4Unsafe())
    tell({ _tag: "Sent", order: id })
    const answer = yield* handler.execute(aggregate, id, command, { commandId }).pipe(
      Effect.retry({
        while: ({ _tag }) => _tag === "EventStoreError",
        schedule: Schedule.spaced("100 millis")
      }),
      Effect.catch((error) =>
        Effect.sync(() => {
          const isRejection = error._tag === "WrongStatus" || error._tag === "ItemNotInOrder"
          tell(isRejection ? { _tag: "Rejected" } : { _tag: "Failed", message: String(error) })
          return undefined
        })
      )
    )
    if (answer === undefined) return
    const { position, revision } = answer
    tell({ _tag: "Acknowledged", order: id, revision, position })
  }
})

const write = Effect.gen(function* () {
  while (!shift.over) yield* Effect.andThen(order, Effect.sleep("20 millis"))
})

const follow = (after: Checkpoint | null) =>
  Effect.flatMap(EventStore, (events) =>
    events
      .subscribePages({ after: after ?? undefined, categories: [aggregate.category] })
      .pipe(
        Stream.runForEach(({ checkpoint, events }) =>
          Effect.sync(() => tell({ _tag: "Given", events: events.map(({ id }) => id), checkpoint }))
        )
      )
  ).pipe(
    Effect.catchTag("CheckpointMismatch", ({ reason }) =>
      Effect.sync(() => tell({ _tag: "Mismatched", reason }))
    ),
    Effect.catch((error) => Effect.sync(() => tell({ _tag: "Failed", message: String(error) })))
  )

/** Reports lines about checkpoints that do not fit. */
const logger = Logger.make(({ cause, message }) => {
  const text = `${String(message)} ${Cause.pretty(cause)}`
  if (/is past the head|log \S+ ended with|has lost \d+ events/.test(text)) {
    tell({ _tag: "Told", line: text.split("\n")[0] ?? "" })
  }
})

const layer = Layer.mergeAll(
  CommandHandler.layer,
  Projections.layerRunner({ async: ofOrders }).pipe(
    Layer.provide(
      Layer.succeed(RunnerSettings, { ...defaults, lease: "2 seconds", pollInterval: "100 millis" })
    )
  ),
  Reactors.layer([
    Consumers.reactor((event) => tell({ _tag: "Reacted", event })),
    Consumers.publisher
  ]).pipe(
    Layer.provide(ConsumerGroupsPostgres.layer),
    Layer.provide(Consumers.broker((id) => tell({ _tag: "Published", id })))
  )
).pipe(
  Layer.provideMerge(Layer.mergeAll(EventStorePostgres.layer, ReadModelStorePostgres.layer)),
  Layer.provide(Postgres.layer)
)

const program = Effect.gen(function* () {
  tell({ _tag: "Ready" })
  const writers = Effect.forEach(Array.from({ length: WRITERS }), () => write, {
    concurrency: "unbounded",
    discard: true
  })
  yield* Effect.forkChild(
    Effect.andThen(
      writers,
      Effect.sync(() => tell({ _tag: "Resting" }))
    )
  )
  return yield* Queue.take(orders).pipe(
    Effect.flatMap((order) =>
      order._tag === "Rest"
        ? Effect.sync(() => {
            shift.over = true
          })
        : Effect.forkChild(follow(order.after))
    ),
    Effect.forever
  )
})

await Effect.runPromise(
  program.pipe(Effect.provide(layer), Effect.provide(Logger.layer([logger])), Effect.exit)
)
process.exit(1)
