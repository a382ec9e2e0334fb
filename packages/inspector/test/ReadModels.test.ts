import * as Position from "@daybook/kernel/Position"
import { aggregate } from "@daybook/order/Order"
import { OrderCommand } from "@daybook/order/OrderCommand"
import * as OrderSummary from "@daybook/order/OrderSummary"
import * as ReadModel from "@daybook/projections/ReadModel"
import { ReadModelStore } from "@daybook/projections/ReadModelStore"
import * as ReadModelTable from "@daybook/projections/driver/ReadModelTable"
import * as OnDemandProjection from "@daybook/projections/OnDemandProjection"
import { Projections } from "@daybook/projections/Projections"
import { CommandHandler } from "@daybook/store/CommandHandler"
import { EventStore } from "@daybook/store/EventStore"
import { assert, describe, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { refuseBadRowRequests } from "./badRowRequests.ts"
import { inspected, memory, placeOrder, upToDate } from "./inspected.ts"

const SUMMARY = { model: "order_summary" }
const DEMAND = { model: "product_demand" }
const key = JSON.stringify(["ada"])

const shop = Effect.gen(function* () {
  const served = yield* inspected()
  const place = (...ids: ReadonlyArray<string>) =>
    served.inside(
      Effect.andThen(
        Effect.forEach(ids, placeOrder),
        Effect.forEach(["order_summary", "product_demand"], upToDate)
      )
    )
  return { ...served, place }
})

describe("a read model", () => {
  it.effect("tells its columns", () =>
    Effect.gen(function* () {
      const { client } = yield* shop
      const [summary, demand] = yield* client.readModels.list()
      assert.isTrue(summary?.namesStreams)
      assert.isFalse(demand?.namesStreams)
      const columns = summary?.columns ?? []
      assert.deepStrictEqual(
        columns.filter(({ isKey }) => isKey).map(({ field }) => field),
        ["orderId"]
      )
      assert.deepStrictEqual(
        columns.filter(({ indexed }) => indexed).map(({ field }) => field),
        ["orderId", "status"]
      )
    })
  )

  it.effect("has the rows that the store has, in pages, filtered and ordered", () =>
    Effect.gen(function* () {
      const { client, inside, place } = yield* shop
      yield* place("ada", "ben", "cleo")
      const rows = yield* inside(Stream.runCollect(ReadModel.query(OrderSummary.projection)))
      const table = Result.getOrThrow(ReadModelTable.make(OrderSummary.projection))
      const all = yield* client.readModels.rows({ params: SUMMARY, query: {} })
      assert.deepStrictEqual(
        all.rows.map(({ row }) => row as unknown),
        rows.map((row) => Result.getOrThrow(table.encode(row)) as unknown)
      )
      const newest = { by: "-orderId", limit: 2 }
      const first = yield* client.readModels.rows({ params: SUMMARY, query: newest })
      const second = yield* client.readModels.rows({
        params: SUMMARY,
        query: { ...newest, cursor: first.next ?? "" }
      })
      assert.isUndefined(second.next)
      const keys = [...first.rows, ...second.rows].map((row) => row.key)
      assert.deepStrictEqual(keys, ['["cleo"]', '["ben"]', '["ada"]'])
      const count = (where: ReadonlyArray<string>) =>
        Effect.map(
          client.readModels.rows({ params: SUMMARY, query: { where } }),
          (found) => found.rows.length
        )
      assert.strictEqual(yield* count(["status:confirmed"]), 3)
      assert.strictEqual(yield* count(["status:confirmed", "orderId>=ben"]), 2)
      assert.strictEqual(yield* count(["itemCount<9"]), 0)
      assert.strictEqual(yield* count(["itemCount:9", "hasAddress:false"]), 3)
      assert.strictEqual(yield* count(["orderId!:ada"]), 2)
      assert.strictEqual(yield* count(["updatedAt<1990-01-01"]), 3)
    })
  )

  it.effect("refuses conditions and orders that no row has", () =>
    Effect.gen(function* () {
      const { client } = yield* shop
      const refused = (query: object) =>
        Effect.map(
          Effect.flip(client.readModels.rows({ params: SUMMARY, query })),
          ({ _tag }) => _tag
        )
      for (const where of ["status", "nothing:1", "itemCount:many", "lines:1", "updatedAt>soon"]) {
        assert.strictEqual(yield* refused({ where: [where] }), "Malformed", where)
      }
      assert.strictEqual(yield* refused({ by: "nothing" }), "Malformed")
      assert.strictEqual(yield* refused({ cursor: "!" }), "Malformed")
      const unknown = yield* Effect.flip(
        client.readModels.rows({ params: { model: "nobody" }, query: {} })
      )
      assert.strictEqual(unknown._tag, "Unknown")
    })
  )

  it.effect("refuses values that no row has, with the field", () =>
    Effect.gen(function* () {
      const { client, place } = yield* shop
      yield* place("ada")
      yield* refuseBadRowRequests(client)
    })
  )

  it.effect("has in a table as of an instant what came later with an earlier time", () =>
    Effect.gen(function* () {
      const { client, inside, place } = yield* shop
      yield* place("ada")
      const late = (id: string, at: string) =>
        inside(
          CommandHandler.use((handler) =>
            handler.execute(
              aggregate,
              id,
              OrderCommand.cases.CreateOrder.make({ customerId: "ada", currency: "GBP" }),
              { occurredAt: DateTime.makeUnsafe(at) }
            )
          )
        )
      const occurredAt = DateTime.makeUnsafe("2020-01-01T00:00:00Z")
      const asOf = client.readModels.rows({ params: SUMMARY, query: { occurredAt } })
      const keys = Effect.map(asOf, ({ rows }) => rows.map((row) => row.key))
      const before = yield* keys
      assert.deepStrictEqual(before, ['["ada"]'])
      yield* late("ben", "2021-01-01T00:00:00Z")
      assert.deepStrictEqual(yield* keys, before)
      yield* late("cleo", "2019-01-01T00:00:00Z")
      assert.deepStrictEqual(yield* keys, ['["ada"]', '["cleo"]'])
      const { head } = yield* client.about.about()
      assert.strictEqual((yield* asOf).position, head)
    })
  )

  it.effect("has in a table as of a position past the head what is settled later", () =>
    Effect.gen(function* () {
      const { client, place } = yield* shop
      yield* place("ada")
      const { head } = yield* client.about.about()
      const position = Position.make(head + 1_000n)
      const asOf = client.readModels.rows({ params: SUMMARY, query: { position } })
      const before = yield* asOf
      assert.deepStrictEqual([before.count, before.position], [1, head])
      yield* place("ben")
      assert.strictEqual((yield* asOf).count, 2)
    })
  )

  it.effect("has its table as of an earlier position, and the difference of two", () =>
    Effect.gen(function* () {
      const { client, inside, place } = yield* shop
      yield* place("ada")
      const { head: then } = yield* client.log.page({ query: {} })
      yield* place("ben")
      const rows = (query: object) => client.readModels.rows({ params: DEMAND, query })
      const now = yield* rows({})
      const earlier = yield* rows({ position: then, by: "-unitsAdded" })
      assert.strictEqual(earlier.count, 2)
      assert.deepStrictEqual(
        earlier.rows.map(({ row }) => row?.["unitsAdded"]),
        ["6", "4"]
      )
      assert.deepStrictEqual(
        now.rows.map(({ row }) => row?.["unitsAdded"]),
        ["8", "12"]
      )
      const page = yield* rows({ position: then, limit: 1 })
      const next = yield* rows({ position: then, limit: 1, cursor: page.next ?? "" })
      assert.deepStrictEqual(
        [...page.rows, ...next.rows].map((row) => row.key),
        earlier.rows.map((row) => row.key).toSorted()
      )
      assert.strictEqual((yield* rows({ position: then, where: ["unitsAdded>5"] })).count, 1)
      const difference = yield* client.readModels.difference({
        params: DEMAND,
        query: { from: then }
      })
      assert.deepStrictEqual([difference.added, difference.removed, difference.changed], [0, 0, 2])
      assert.deepStrictEqual(difference.rows[0]?.before, earlier.rows[1]?.row)
      assert.deepStrictEqual(difference.rows[0]?.after, now.rows[0]?.row)
      const orders = yield* client.readModels.difference({
        params: SUMMARY,
        query: { from: Position.start }
      })
      assert.strictEqual(orders.added, 2)
      const folded = yield* inside(
        OnDemandProjection.tableAt(OrderSummary.projection, { position: then })
      )
      assert.strictEqual(folded.length, 1)
    })
  )
})

describe("a row explained", () => {
  it.effect("is each event that touched it, and equal to the row that serves", () =>
    Effect.gen(function* () {
      const { client, inside, place } = yield* shop
      yield* place("ada", "ben")
      const row = yield* client.readModels.explain({ params: SUMMARY, query: { key } })
      assert.strictEqual(row.verdict, "equal")
      assert.isTrue(row.complete)
      assert.deepStrictEqual(
        row.steps.map(({ event }) => event.type),
        ["OrderCreated", "ItemAdded", "ItemAdded", "ItemRemoved", "OrderConfirmed"]
      )
      assert.isNull(row.steps[0]?.before)
      assert.deepStrictEqual(row.steps.at(-1)?.after, row.stored)
      assert.includeMembers([...(row.steps[3]?.changed ?? [])], ["itemCount", "totalMinor"])
      assert.notInclude([...(row.steps[3]?.changed ?? [])], "status")
      // Each step is the row as of its revision.
      const table = Result.getOrThrow(ReadModelTable.make(OrderSummary.projection))
      for (const { after, event } of row.steps) {
        const then = yield* inside(
          OnDemandProjection.rowAt(
            OrderSummary.projection,
            { orderId: "ada" },
            { revision: event.revision }
          )
        )
        assert.deepStrictEqual(after, Result.getOrThrow(table.encode(Option.getOrThrow(then))))
      }
    })
  )

  it.effect("is found in the whole log when the projection names no streams", () =>
    Effect.gen(function* () {
      const { client, place } = yield* shop
      yield* place("ada", "ben")
      const row = yield* client.readModels.explain({
        params: DEMAND,
        query: { key: JSON.stringify(["lantern", "GBP"]) }
      })
      assert.strictEqual(row.verdict, "equal")
      assert.deepStrictEqual(
        row.steps.map(({ event }) => `${event.streamId} ${event.type}`),
        [
          "order-ada ItemAdded",
          "order-ada ItemRemoved",
          "order-ben ItemAdded",
          "order-ben ItemRemoved"
        ]
      )
      assert.strictEqual(row.searched.events, 10)
    })
  )

  it.effect("differs when the row that serves was changed by hand", () =>
    Effect.gen(function* () {
      const tampered = Layer.effect(
        ReadModelStore,
        Effect.map(ReadModelStore, (store) =>
          ReadModelStore.of({
            ...store,
            get: (table, of) =>
              Effect.map(
                store.get(table, of),
                Option.map((row) => ({ ...row, itemCount: 99 }))
              )
          })
        )
      )
      const { client, inside } = yield* inspected(Layer.provideMerge(tampered, memory))
      yield* inside(Effect.andThen(placeOrder("ada"), upToDate("order_summary")))
      const row = yield* client.readModels.explain({ params: SUMMARY, query: { key } })
      assert.strictEqual(row.verdict, "differs")
      assert.strictEqual(row.stored?.["itemCount"], 99)
      assert.strictEqual(row.steps.at(-1)?.after?.["itemCount"], 9)
    })
  )

  it.effect("ends at its limit of events, and says how far it came", () =>
    Effect.gen(function* () {
      const bounds = { maxEvents: 7, maxMillis: 60_000 }
      const { client, inside } = yield* inspected(memory, { bounds })
      yield* inside(Effect.forEach(["ada", "ben"], placeOrder))
      yield* inside(upToDate("product_demand"))
      const lantern = { params: DEMAND, query: { key: JSON.stringify(["lantern", "GBP"]) } }
      const row = yield* client.readModels.explain(lantern)
      assert.isFalse(row.complete)
      assert.strictEqual(row.verdict, "not compared")
      assert.strictEqual(row.searched.events, 7)
      assert.lengthOf(row.steps, 3)
      const { head } = yield* client.about.about()
      const table = yield* Effect.flip(
        client.readModels.rows({ params: DEMAND, query: { position: head } })
      )
      assert.strictEqual(table._tag, "NotPossible")
      // The rows that serve are not folded.
      assert.lengthOf((yield* client.readModels.rows({ params: DEMAND, query: {} })).rows, 2)
      // Exactly as many events as the limit are not past it.
      const { events } = yield* client.log.page({ query: { limit: 4 } })
      const whole = yield* client.readModels.rows({
        params: DEMAND,
        query: { position: events[3]?.position ?? Position.start }
      })
      assert.strictEqual(whole.count, 2)
    })
  )

  it.effect("stays within its limit of events over all attempts to compare it", () =>
    Effect.gen(function* () {
      let read = 0
      let looks = 0
      const counted = Layer.effect(
        EventStore,
        Effect.map(EventStore, (store) =>
          EventStore.of({
            ...store,
            readAll: (options) =>
              Stream.tap(store.readAll(options), () =>
                Effect.sync(() => {
                  read += 1
                })
              )
          })
        )
      )
      // The stored row is one that no fold gives, and the position moves while it is compared.
      const moving = Layer.merge(
        Layer.effect(
          ReadModelStore,
          Effect.map(ReadModelStore, (store) =>
            ReadModelStore.of({ ...store, get: () => Effect.succeed(Option.some({})) })
          )
        ),
        Layer.effect(
          Projections,
          Effect.map(Projections, (runner) =>
            Projections.of({
              ...runner,
              status: (name) =>
                Effect.map(runner.status(name), (status) => ({
                  ...status,
                  position: looks++ % 3 === 2 ? Position.start : status.position
                }))
            })
          )
        )
      )
      const bounds = { maxEvents: 12, maxMillis: 60_000 }
      const { client, inside } = yield* inspected(
        Layer.provideMerge(Layer.merge(counted, moving), memory),
        { bounds }
      )
      yield* inside(Effect.forEach(["ada", "ben"], placeOrder))
      yield* inside(
        Effect.repeat(
          Effect.andThen(
            Effect.promise(() => new Promise(setImmediate)),
            inside(Projections.use((runner) => runner.status("product_demand")))
          ),
          {
            until: ({ head, position }) => head === position
          }
        )
      )
      looks = 0
      read = 0
      const row = yield* client.readModels.explain({
        params: DEMAND,
        query: { key: JSON.stringify(["lantern", "GBP"]) }
      })
      assert.strictEqual(row.verdict, "moving")
      assert.isTrue(row.complete)
      assert.lengthOf(row.steps, 4)
      assert.strictEqual(row.searched.events, 12)
      // The page in which the limit lies is read to its end.
      assert.isAtMost(read, 20)
    })
  )

  it.effect("is told as of an earlier point, and compared with nothing", () =>
    Effect.gen(function* () {
      const { client, place } = yield* shop
      yield* place("ada")
      const now = yield* client.readModels.explain({ params: SUMMARY, query: { key } })
      const position = now.steps[2]?.event.position ?? Position.start
      const then = yield* client.readModels.explain({ params: SUMMARY, query: { key, position } })
      assert.strictEqual(then.verdict, "not compared")
      assert.lengthOf(then.steps, 3)
      assert.isUndefined(then.stored)
      assert.deepStrictEqual(then.steps, now.steps.slice(0, 3))
    })
  )

  it.effect("refuses what is no key, and does not know a row that nothing touched", () =>
    Effect.gen(function* () {
      const { client, place } = yield* shop
      yield* place("ada")
      const flip = (given: string) =>
        Effect.map(
          Effect.flip(client.readModels.explain({ params: SUMMARY, query: { key: given } })),
          ({ _tag }) => _tag
        )
      for (const given of ["ada", "[]", '["a","b"]', "[1]", '{"orderId":"ada"}']) {
        assert.strictEqual(yield* flip(given), "Malformed", given)
      }
      assert.strictEqual(yield* flip('["nobody"]'), "Unknown")
    })
  )
})
