/**
 * Inline read models in PostgreSQL, under concurrent appends, with appends that stall the log, and
 * across changes between inline and async.
 */
import * as EventId from "@daybook/kernel/EventId"
import type { NewEvent } from "@daybook/kernel/NewEvent"
import * as StreamId from "@daybook/kernel/StreamId"
import * as OnDemandProjection from "@daybook/projections/OnDemandProjection"
import { Projections } from "@daybook/projections/Projections"
import { defaults, RunnerSettings } from "@daybook/projections/RunnerSettings"
import * as ReadModel from "@daybook/projections/ReadModel"
import { ReadModelStore } from "@daybook/projections/ReadModelStore"
import * as ReadModelTable from "@daybook/projections/driver/ReadModelTable"
import { EventStore } from "@daybook/store/EventStore"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import { assert, layer } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as Context from "effect/Context"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as DateTime from "effect/DateTime"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import { SqlClient } from "effect/sql/SqlClient"
import * as Stream from "effect/Stream"
import * as PostgresLayers from "./postgresLayers.ts"
import { LEASE } from "./shelf.ts"
import { aggregateOf, products } from "./Till.ts"

const fresh = () => {
  const id = SecureRandom.uuidV4Unsafe().slice(0, 8)
  const till = aggregateOf(`till_${id}`)
  return { till, products: products(till, `products_${id}`) }
}

const sold = (product: string, cents: number): NewEvent => ({
  id: EventId.make(SecureRandom.uuidV4Unsafe()),
  type: "Sold",
  schemaVersion: 1,
  data: { product, cents },
  metadata: {},
  occurredAt: DateTime.makeUnsafe(0)
})

const stream = (category: string, id: string) =>
  Result.getOrThrow(StreamId.fromString(`${category}-${id}`))

/** Sells on a stream of the provided event store. */
const sell = Effect.fnUntraced(function* (
  till: ReturnType<typeof aggregateOf>,
  id: string,
  events: Arr.NonEmptyReadonlyArray<NewEvent>
) {
  const store = yield* EventStore
  const streamId = stream(till.category, id)
  return yield* store.append({ streamId, expected: ExpectedRevision.any, events })
})

/** Makes a read model inline, and returns its table and the event store that maintains it. */
const keptBy = Effect.fnUntraced(function* (projection: ReturnType<typeof products>) {
  const events = yield* EventStore
  const store = yield* ReadModelStore
  const table: ReadModelTable.Any = yield* Effect.fromResult(ReadModelTable.make(projection))
  const { serving } = yield* store.open(table)
  const claim = Option.getOrThrow(yield* store.claim(serving, "a host", LEASE))
  yield* store.makeInline(claim, Effect.void)
  const context = yield* Layer.build(Projections.layerAppends([projection])).pipe(
    Effect.provideService(EventStore, events)
  )
  return { table, events: Context.get(context, EventStore) }
})

const rows = (projection: ReturnType<typeof products>) =>
  Stream.runCollect(ReadModel.query(projection))

/** Folds the same rows from the log, ordered by product. */
const folded = (projection: ReturnType<typeof products>) =>
  Effect.map(OnDemandProjection.tableAt(projection), (rows) =>
    rows.toSorted((a, b) => (a.product < b.product ? -1 : 1))
  )

layer(PostgresLayers.server, { excludeTestServices: true, timeout: "2 minutes" })(
  "A read model that appends keep",
  (it) => {
    /** Eight hosts sell the same product at once, each on a till of its own. */
    const sellTogether = Effect.fnUntraced(function* (
      { till }: ReturnType<typeof fresh>,
      events: EventStore["Service"]
    ) {
      yield* Effect.forEach(
        Arr.range(1, 8),
        Effect.fnUntraced(function* (host) {
          for (let n = 0; n < 12; n++) {
            yield* sell(till, String(host), [sold("tea", host * 100 + n), sold("mug", n)])
          }
        }),
        { concurrency: "unbounded" }
      ).pipe(Effect.provideService(EventStore, events))
    })

    it.effect("folds the events of a row in position order, with several writers", () =>
      Effect.gen(function* () {
        const shop = fresh()
        const { events } = yield* keptBy(shop.products)
        yield* sellTogether(shop, events)
        const expected = yield* folded(shop.products)
        assert.strictEqual(expected.length, 2)
        assert.deepStrictEqual(yield* rows(shop.products), expected)
      }).pipe(Effect.scoped)
    )

    it.effect("does not without the locks of its rows", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient
        const shop = fresh()
        const { events } = yield* keptBy(shop.products)
        const [made] = yield* sql<{ readonly definition: string }>`
          SELECT pg_get_functiondef('daybook.lock_read_models'::regproc) AS definition`
        const definition = made?.definition ?? ""
        const broken = definition.replace("pg_advisory_xact_lock(k.key)", "k.key")
        assert.notStrictEqual(broken, definition)
        yield* sql.unsafe(broken)
        yield* Effect.ensuring(sellTogether(shop, events), Effect.orDie(sql.unsafe(definition)))
        assert.notDeepEqual(yield* rows(shop.products), yield* folded(shop.products))
      }).pipe(Effect.scoped)
    )

    it.effect("includes the events after an append that was open when it was made inline", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient
        const plain = yield* EventStore
        const store = yield* ReadModelStore
        const shop = fresh()
        const table: ReadModelTable.Any = yield* Effect.fromResult(
          ReadModelTable.make(shop.products)
        )
        const { serving } = yield* store.open(table)
        const claim = Option.getOrThrow(yield* store.claim(serving, "a host", LEASE))
        const [open, done] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
        // An open append of other streams, which still holds back the settled position.
        const stalled = yield* sql
          .withTransaction(
            Effect.gen(function* () {
              yield* sell(fresh().till, "1", [sold("tea", 1)])
              yield* Deferred.succeed(open, undefined)
              yield* Deferred.await(done)
            })
          )
          .pipe(Effect.forkScoped)
        yield* Deferred.await(open)
        yield* sell(shop.till, "1", [sold("tea", 250)])
        const caughtUp = yield* Deferred.make<bigint>()
        const promoting = yield* store
          .makeInline(
            claim,
            Effect.flatMap(plain.head, (head) => Effect.asVoid(Deferred.succeed(caughtUp, head)))
          )
          .pipe(Effect.forkScoped)
        yield* Effect.repeat(
          sql`SELECT FROM pg_stat_activity
            WHERE datname = current_database() AND query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()`,
          { until: (waiting) => waiting.length > 0 }
        )
        assert.isFalse(yield* Deferred.isDone(caughtUp))
        yield* Deferred.succeed(done, undefined)
        yield* Fiber.join(stalled)
        yield* Fiber.join(promoting)
        const [last] = yield* Stream.runCollect(
          plain.readAll({ categories: [shop.till.category], direction: "backward", limit: 1 })
        )
        assert.isTrue(last !== undefined && (yield* Deferred.await(caughtUp)) >= last.position)
      }).pipe(Effect.scoped)
    )

    it.effect("is given back by a host of another version, and its event is not lost", () =>
      Effect.gen(function* () {
        const store = yield* ReadModelStore
        const shop = fresh()
        const { table } = yield* keptBy(shop.products)
        const next = { ...shop.products, version: products(shop.till, table.name, 2).version }
        const context = yield* Layer.build(Layer.fresh(Projections.layerAppends([next])))
        yield* sell(shop.till, "1", [sold("tea", 250)]).pipe(
          Effect.provideService(EventStore, Context.get(context, EventStore))
        )
        const [state] = yield* store.states(table.name)
        assert.strictEqual(state?.mode, "async")
        const [recorded] = yield* Stream.runCollect(
          (yield* EventStore).readAll({ categories: [shop.till.category] })
        )
        assert.isBelow(Number(state?.checkpoints[0]), Number(recorded?.position))
      }).pipe(Effect.scoped)
    )

    it.effect("is taken along by a transaction of the caller, and back with it", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient
        const shop = fresh()
        const { events } = yield* keptBy(shop.products)
        const selling = (cents: number) =>
          Effect.provideService(sell(shop.till, "1", [sold("tea", cents)]), EventStore, events)
        yield* Effect.flip(
          sql.withTransaction(Effect.andThen(selling(1), Effect.fail("no" as const)))
        )
        assert.deepStrictEqual(yield* rows(shop.products), [])
        yield* sql.withTransaction(
          Effect.gen(function* () {
            yield* selling(250)
            const [row] = yield* rows(shop.products)
            assert.strictEqual(row?.cents, 250n)
          })
        )
        const [row] = yield* rows(shop.products)
        assert.strictEqual(row?.cents, 250n)
      }).pipe(Effect.scoped)
    )

    it.effect("is handed over and taken back while eight append, and misses nothing", () =>
      Effect.gen(function* () {
        const store = yield* ReadModelStore
        const plain = yield* EventStore
        const shop = fresh()
        const { events, table } = yield* keptBy(shop.products)
        const runner = yield* Layer.build(Projections.layer({ inline: [shop.products] })).pipe(
          Effect.provideService(RunnerSettings, { ...defaults, pollInterval: "5 millis" })
        )
        const projections = Context.get(runner, Projections)
        const head = Effect.orDie(plain.head)
        const isInline = Effect.map(store.states(table.name), ([state]) => state?.mode === "inline")
        const takingBack = yield* Effect.forkScoped(
          Effect.gen(function* () {
            for (let n = 0; n < 5; n++) {
              yield* Effect.repeat(isInline, { until: (is) => is })
              yield* store.makeAsync(table.name, Effect.orDie(plain.checkpoint))
            }
          })
        )
        yield* sellTogether(shop, events)
        yield* Fiber.join(takingBack)
        yield* projections.waitFor(table.name, yield* head, "1 minute")
        assert.deepStrictEqual(yield* rows(shop.products), yield* folded(shop.products))
      }).pipe(Effect.scoped)
    )
  }
)
