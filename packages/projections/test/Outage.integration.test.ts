/**
 * A server that is stopped and started again under a host with several read models: the lines that
 * the host logs, and the time until the rows are up to date again.
 */
import { Projections } from "@daybook/projections/Projections"
import * as ReadModelMigrations from "@daybook/projections/ReadModelMigrations"
import * as ReadModelStorePostgres from "@daybook/projections/ReadModelStorePostgres"
import { CommandHandler } from "@daybook/store/CommandHandler"
import { EventStore } from "@daybook/store/EventStore"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as PostgresMigrations from "@daybook/store/PostgresMigrations"
import * as PostgresServer from "@daybook/testing/PostgresServer"
import * as PgClient from "@effect/sql-pg/PgClient"
import { assert, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import { aggregateOf, takings } from "./Till.ts"

const sell = (cents: number) => ({ _tag: "Sell", product: "tea", cents }) as const

const countOf = (name: string) =>
  Effect.map(Metric.snapshot, (metrics) =>
    metrics.reduce(
      (sum, metric) =>
        metric.id === name && metric.type === "Counter" ? sum + Number(metric.state.count) : sum,
      0
    )
  )

const retries = Effect.all({
  loops: countOf("daybook_projection_retries"),
  reads: countOf("daybook_subscription_retries")
})

for (const mode of ["fast", "immediate"] as const) {
  it.live(
    `A server that is stopped (${mode}) and started again costs a line when it is lost and one when it is back`,
    () =>
      Effect.gen(function* () {
        const server = yield* PostgresServer.restartable
        const url = yield* Effect.provideService(
          PostgresServer.freshDatabase,
          PostgresServer.PostgresServer,
          server
        )
        const lines: Array<string> = []
        const recording = Logger.layer([
          Logger.make(({ logLevel, message }) => {
            if (logLevel !== "Debug") lines.push(`${logLevel}: ${String(message)}`)
          })
        ])
        const till = aggregateOf("till")
        const models = Array.from({ length: 5 }, (_, at) => takings(till, `takings_${at}`))
        const stores = Layer.merge(EventStorePostgres.layer, ReadModelStorePostgres.layer).pipe(
          Layer.provideMerge(Layer.merge(PostgresMigrations.layer, ReadModelMigrations.layer)),
          Layer.provideMerge(PgClient.layer({ url, maxConnections: 12 }))
        )
        const context = yield* Layer.build(
          Layer.merge(CommandHandler.layer, Projections.layer({ async: models })).pipe(
            Layer.provideMerge(stores),
            Layer.provide(recording)
          )
        )
        const handler = Context.get(context, CommandHandler)
        const projections = Context.get(context, Projections)
        const events = Context.get(context, EventStore)
        const head = Effect.map(events.backlog(), (backlog) => backlog.head)
        const caughtUp = Effect.flatMap(head, (position) =>
          Effect.forEach(models, ({ name }) => projections.waitFor(name, position, "20 seconds"), {
            concurrency: "unbounded",
            discard: true
          })
        )
        yield* handler.execute(till, "1", sell(1))
        yield* caughtUp
        lines.length = 0
        const before = yield* retries
        yield* server.stop(mode)
        // All loops of the read models and of the subscriptions retry more than once.
        yield* retries.pipe(
          Effect.repeat({
            until: (now) => now.loops - before.loops > 20 && now.reads - before.reads > 10,
            schedule: Schedule.spaced("20 millis")
          })
        )
        yield* server.start
        yield* Effect.retry(handler.execute(till, "1", sell(2)), {
          schedule: Schedule.spaced("10 millis")
        })
        yield* Effect.retry(caughtUp, { schedule: Schedule.spaced("10 millis") })
        yield* Effect.sync(() => lines.filter((line) => line.startsWith("Info")).length).pipe(
          Effect.repeat({ until: (found) => found > 2, schedule: Schedule.spaced("20 millis") })
        )
        // The last message of the server varies, so it is cut off.
        assert.deepStrictEqual(
          lines.map((line) => line.replace(/(?<=Warn: [^:]*):.*$/, "")).toSorted(),
          [
            "Info: Listens for the appends of other hosts again",
            "Info: Read models have their store back",
            "Info: Subscriptions read again",
            "Warn: Lost the connection that listens for the appends of other hosts, and polls until it is back",
            "Warn: Read models have lost their store, and try again until they have it back",
            "Warn: Subscriptions can't read, and try again until they can"
          ]
        )
        for (const { name } of models) {
          assert.deepStrictEqual((yield* projections.status(name)).lastError, Option.none())
        }
      }).pipe(Effect.scoped),
    120_000
  )
}
