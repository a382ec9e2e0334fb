/**
 * Inline read models in PostgreSQL, under concurrent appends, with appends that stall the log, and
 * across changes between inline and async.
 */
import { Projections } from "@daybook/projections/Projections"
import { defaults, RunnerSettings } from "@daybook/projections/RunnerSettings"
import { ReadModelStore } from "@daybook/projections/ReadModelStore"
import * as ReadModelTable from "@daybook/projections/driver/ReadModelTable"
import { EventStore } from "@daybook/store/EventStore"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import { MaxHeld } from "@daybook/store/Overloaded"
import { assert, layer } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import { SqlClient } from "effect/sql/SqlClient"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import {
  appendTo,
  folded,
  fresh,
  hostOf,
  keptBy,
  makeInline,
  rows,
  sell,
  sold
} from "./inlineShop.ts"
import * as PostgresLayers from "./postgresLayers.ts"
import { LEASE } from "./shelf.ts"
import { products } from "./Till.ts"

layer(PostgresLayers.server, { excludeTestServices: true, timeout: "2 minutes" })(
  "A read model that appends keep",
  (it) => {
    /** Eight hosts sell the same product at once, each on a till of its own. */
    const sellTogether = Effect.fnUntraced(function* ({
      products,
      till
    }: ReturnType<typeof fresh>) {
      const hosts = yield* Effect.forEach(Arr.range(1, 8), (id) =>
        Effect.map(hostOf(products), (events) => ({ id, events }))
      )
      yield* Effect.forEach(
        hosts,
        Effect.fnUntraced(function* ({ events, id }) {
          for (let n = 0; n < 12; n++) {
            yield* events.append(
              appendTo(till, String(id), [sold("tea", id * 100 + n), sold("mug", n)])
            )
          }
        }),
        { concurrency: "unbounded" }
      )
    })

    it.effect("folds the events of a row in position order, with several writers", () =>
      Effect.gen(function* () {
        const shop = fresh()
        yield* makeInline(shop.products)
        yield* sellTogether(shop)
        const expected = yield* folded(shop.products)
        assert.strictEqual(expected.length, 2)
        assert.deepStrictEqual(yield* rows(shop.products), expected)
      }).pipe(Effect.scoped)
    )

    it.effect("does not without the locks of its rows", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient
        const shop = fresh()
        yield* makeInline(shop.products)
        const [made] = yield* sql<{ readonly definition: string }>`
          SELECT pg_get_functiondef('daybook.lock_read_models'::regproc) AS definition`
        const definition = made?.definition ?? ""
        const broken = definition.replace("pg_advisory_xact_lock(k.key)", "k.key")
        assert.notStrictEqual(broken, definition)
        yield* sql.unsafe(broken)
        yield* Effect.ensuring(sellTogether(shop), Effect.orDie(sql.unsafe(definition)))
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

    it.effect(
      "is given back by appends of another version that go together, and none is lost",
      () =>
        Effect.gen(function* () {
          const store = yield* ReadModelStore
          const shop = fresh()
          const { table } = yield* keptBy(shop.products)
          const next = { ...shop.products, version: products(shop.till, table.name, 2).version }
          const context = yield* Layer.build(Layer.fresh(Projections.layerAppends([next])))
          const tills = ["1", "2", "3", "4"]
          yield* Effect.forEach(tills, (till) => sell(shop.till, till, [sold("tea", 250)]), {
            concurrency: "unbounded"
          }).pipe(Effect.provideService(EventStore, Context.get(context, EventStore)))
          const [state] = yield* store.states(table.name)
          assert.strictEqual(state?.mode, "async")
          const recorded = yield* Stream.runCollect(
            (yield* EventStore).readAll({ categories: [shop.till.category] })
          )
          assert.lengthOf(recorded, tills.length)
          assert.isBelow(Number(state?.checkpoints[0]), Number(recorded[0]?.position))
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
        const table = yield* makeInline(shop.products)
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
        yield* sellTogether(shop)
        yield* Fiber.join(takingBack)
        yield* projections.waitFor(table.name, yield* head, "1 minute")
        assert.deepStrictEqual(yield* rows(shop.products), yield* folded(shop.products))
      }).pipe(Effect.scoped)
    )

    it.effect("is maintained in a few transactions by 64 appends at once", () =>
      Effect.gen(function* () {
        const shop = fresh()
        const statements = counting()
        yield* makeInline(shop.products)
        const { appends, events } = yield* Effect.provideService(
          Effect.gen(function* () {
            const events = yield* hostOf(shop.products)
            yield* events.append(appendTo(shop.till, "first", [sold("tea", 1)]))
            statements.reset()
            const appends = Arr.makeBy(64, (n) => appendTo(shop.till, `${n}`, [sold(`${n}`, n)]))
            yield* Effect.forEach(appends, (append) => events.append(append), {
              concurrency: "unbounded"
            })
            return { appends, events }
          }),
          Tracer.Tracer,
          statements.tracer
        )
        assert.isAtMost(statements.count(), appends.length)
        assert.deepStrictEqual(yield* rows(shop.products), yield* folded(shop.products))
        // Each on its own, as in a transaction of its caller, takes several.
        statements.reset()
        yield* Effect.forEach(appends.slice(0, 8), ({ streamId }) =>
          events.appendAll({
            appends: [{ streamId, expected: ExpectedRevision.any, events: [sold("tea", 1)] }]
          })
        ).pipe(Effect.provideService(Tracer.Tracer, statements.tracer))
        assert.isAbove(statements.count(), 6 * 8)
      }).pipe(Effect.scoped)
    )

    it.effect("waits for a row that a transaction holds, and other rows don't", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient
        const shop = fresh()
        const { events } = yield* keptBy(shop.products)
        const [open, done] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
        const holding = yield* sql
          .withTransaction(
            Effect.gen(function* () {
              yield* events.append(appendTo(shop.till, "holds", [sold("tea", 1)]))
              yield* Deferred.succeed(open, undefined)
              yield* Deferred.await(done)
            })
          )
          .pipe(Effect.forkScoped)
        yield* Deferred.await(open)
        const waiting = yield* Effect.forkScoped(
          events.append(appendTo(shop.till, "waits", [sold("tea", 2)])),
          { startImmediately: true }
        )
        yield* Effect.forEach(
          Arr.range(1, 40),
          (n) => events.append(appendTo(shop.till, `${n}`, [sold(`${n}`, n)])),
          { concurrency: "unbounded" }
        )
        assert.isUndefined(waiting.pollUnsafe())
        yield* Deferred.succeed(done, undefined)
        yield* Fiber.join(holding)
        yield* Fiber.join(waiting)
        assert.deepStrictEqual(yield* rows(shop.products), yield* folded(shop.products))
      }).pipe(Effect.scoped)
    )

    it.effect("refuses appends past what its store may hold", () =>
      Effect.gen(function* () {
        const shop = fresh()
        yield* makeInline(shop.products)
        const log = yield* Effect.provideService(EventStorePostgres.make, MaxHeld, {
          calls: 4,
          bytes: 1_000_000
        })
        const events = yield* Effect.provideService(hostOf(shop.products), EventStore, log)
        const answers = yield* Effect.forEach(
          Arr.range(1, 20),
          (n) => Effect.result(events.append(appendTo(shop.till, `${n}`, [sold("tea", n)]))),
          { concurrency: "unbounded" }
        )
        const refused = answers.flatMap((one) => (Result.isFailure(one) ? [one.failure._tag] : []))
        assert.deepStrictEqual(refused, Arr.replicate("Overloaded", 16))
        assert.deepStrictEqual(yield* rows(shop.products), yield* folded(shop.products))
      }).pipe(Effect.scoped)
    )
  }
)

/** Counts statements, those that begin and end a transaction included. */
const counting = () => {
  let spans: Array<Tracer.NativeSpan> = []
  const tracer = Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      spans.push(span)
      return span
    }
  })
  return {
    tracer,
    reset: () => {
      spans = []
    },
    count: () =>
      spans.reduce(
        (sum, { attributes, name }) =>
          sum + (name === "sql.transaction" ? 2 : attributes.has("db.query.text") ? 1 : 0),
        0
      )
  }
}
