/**
 * The inspector over a log and read models in PostgreSQL.
 */
import * as Revision from "@daybook/kernel/Revision"
import * as StreamId from "@daybook/kernel/StreamId"
import { Projections } from "@daybook/projections/Projections"
import * as ReadModelMigrations from "@daybook/projections/ReadModelMigrations"
import * as ReadModelStorePostgres from "@daybook/projections/ReadModelStorePostgres"
import { CommandHandler } from "@daybook/store/CommandHandler"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as PostgresMigrations from "@daybook/store/PostgresMigrations"
import * as PostgresServer from "@daybook/testing/PostgresServer"
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { SqlClient } from "effect/sql/SqlClient"
import { refuseBadRowRequests } from "./badRowRequests.ts"
import { inspected, placeOrder, projections, upToDate } from "./inspected.ts"

const database = PostgresServer.layerClient({ maxConnections: 8 }).pipe(
  Layer.provide(PostgresServer.PostgresServer.layer)
)

const stores = Layer.merge(EventStorePostgres.layer, ReadModelStorePostgres.layer).pipe(
  Layer.provide(Layer.merge(PostgresMigrations.layer, ReadModelMigrations.layer))
)

layer(database, { timeout: "2 minutes", excludeTestServices: true })("PostgreSQL", (it) => {
  it.effect("answers from the log and the read models as memory does", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient
      const { client, inside } = yield* inspected(
        CommandHandler.layer.pipe(
          Layer.provideMerge(Projections.layer({ async: projections })),
          Layer.provideMerge(stores),
          Layer.provide(Layer.succeed(SqlClient, sql))
        )
      )
      yield* inside(
        Effect.andThen(
          Effect.forEach(["ada", "ben", "cleo"], placeOrder),
          Effect.forEach(["order_summary", "product_demand"], upToDate)
        )
      )

      const found = yield* client.streams.find({ query: {} })
      assert.deepStrictEqual(
        found.streams.map(({ streamId }) => streamId),
        ["order-cleo", "order-ben", "order-ada"]
      )
      assert.strictEqual(found.streams[0]?.event?.type, "OrderConfirmed")
      const byType = yield* client.streams.find({ query: { q: "type:ItemRemoved" } })
      assert.strictEqual(byType.count.streams, 3)

      const params = { streamId: StreamId.StreamId.make("order-ben") }
      const { states } = yield* client.streams.states({ params, query: {} })
      assert.deepStrictEqual(
        states.map(({ figure }) => figure),
        ["0", "0", "4", "10", "9", "9"]
      )
      const event = yield* client.streams.event({
        params: { ...params, revision: Revision.make(2) },
        query: {}
      })
      assert.strictEqual(event.today?.[0]?.type, "ItemAdded")

      const row = yield* client.readModels.explain({
        params: { model: "product_demand" },
        query: { key: '["lantern","GBP"]' }
      })
      assert.strictEqual(row.verdict, "equal")
      assert.lengthOf(row.steps, 6)
      const summary = yield* client.readModels.explain({
        params: { model: "order_summary" },
        query: { key: '["ada"]' }
      })
      assert.strictEqual(summary.verdict, "equal")
      assert.lengthOf(summary.steps, 5)
      const rows = yield* client.readModels.rows({
        params: { model: "order_summary" },
        query: { where: ["itemCount>=9"], by: "-updatedAt", limit: 2 }
      })
      assert.lengthOf(rows.rows, 2)
      const next = yield* client.readModels.rows({
        params: { model: "order_summary" },
        query: { where: ["itemCount>=9"], by: "-updatedAt", limit: 2, cursor: rows.next ?? "" }
      })
      assert.deepStrictEqual(
        next.rows.map(({ key }) => key),
        ['["ada"]']
      )
      yield* refuseBadRowRequests(client)
      const earlier = yield* client.readModels.rows({
        params: { model: "order_summary" },
        query: { position: event.line.position }
      })
      assert.strictEqual(earlier.count, 2)

      const page = yield* client.log.page({ query: { notType: ["ItemAdded"], limit: 5 } })
      assert.lengthOf(page.events, 5)
      const trail = yield* client.log.trail({ query: { command: event.line.commandId ?? "" } })
      assert.lengthOf(trail.events, 1)

      const model = { model: "order_summary" }
      yield* client.operation.pause({ params: model, payload: { reason: "a look" } })
      yield* client.operation.resume({ params: model, payload: {} })
      yield* client.operation.rebuild({ params: model, payload: {} })
      const { rebuilds } = yield* Effect.repeat(client.operation.status({ query: {} }), {
        until: (now) => now.rebuilds[0]?.verdict !== "running"
      })
      assert.strictEqual(rebuilds[0]?.verdict, "equal")
      const acts = yield* client.operation.acts({ params: model })
      assert.deepStrictEqual(
        acts.map(({ act }) => act),
        ["pause", "resume", "rebuild", "switch"]
      )
    })
  )
})
