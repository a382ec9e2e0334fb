/**
 * The runner on any store: shared by the tests of memory, the embedded Postgres and a server.
 */
import * as Projection from "@daybook/kernel/Projection"
import type * as Position from "@daybook/kernel/Position"
import { Projections } from "@daybook/projections/Projections"
import * as OnDemandProjection from "@daybook/projections/OnDemandProjection"
import * as ReadModel from "@daybook/projections/ReadModel"
import { ReadModelStore } from "@daybook/projections/ReadModelStore"
import { defaults, RunnerSettings } from "@daybook/projections/RunnerSettings"
import { CommandHandler } from "@daybook/store/CommandHandler"
import { EventStore } from "@daybook/store/EventStore"
import { assert, layer } from "@effect/vitest"
import * as Context from "effect/Context"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { aggregateOf, products, takings, type TillCommand, type TillAggregate } from "./Till.ts"

/** Makes a till and projections with names that no other case has. */
const fresh = () => {
  const id = SecureRandom.uuidV4Unsafe().slice(0, 8)
  const till = aggregateOf(`till_${id}`)
  return {
    till,
    takings: takings(till, `takings_${id}`),
    products: products(till, `products_${id}`)
  }
}

const settings = { ...defaults, lease: "300 millis", pollInterval: "20 millis" } as const

/** Runs a host that maintains read models until its scope closes. */
const host = (projections: Parameters<typeof Projections.layer>[0]) =>
  Layer.build(Layer.fresh(Projections.layer(projections))).pipe(
    Effect.map((context) => Context.get(context, Projections)),
    Effect.provideService(RunnerSettings, settings)
  )

const execute = Effect.fnUntraced(function* (
  till: TillAggregate,
  id: string,
  ...commands: ReadonlyArray<typeof TillCommand.Type>
) {
  const handler = yield* CommandHandler
  let revision = 0
  for (const command of commands) {
    revision = (yield* handler.execute(till, id, command)).revision
  }
  return revision
})

const sell = (product: string, cents: number) => ({ _tag: "Sell", product, cents }) as const

const head = Effect.flatMap(EventStore, (events) => events.head)

const caughtUp = Effect.fnUntraced(function* (
  projections: Projections["Service"],
  ...names: ReadonlyArray<string>
) {
  const position: Position.Position = yield* head
  yield* Effect.forEach(names, (name) => projections.waitFor(name, position, "20 seconds"))
})

const rows = <Event, Key extends object, Row extends object>(
  projection: Projection.Projection<Event, Key, Row>
) => Stream.runCollect(ReadModel.query(projection))

export const cases = <E>(
  name: string,
  stores: Layer.Layer<EventStore | ReadModelStore, E>
): void => {
  const all = CommandHandler.layer.pipe(Layer.provideMerge(stores))
  layer(all, { timeout: "2 minutes", excludeTestServices: true })(name, (it) => {
    it.effect("keeps what is recorded already, then what is appended", () =>
      Effect.gen(function* () {
        const { takings, till } = fresh()
        yield* execute(till, "1", sell("tea", 250), sell("mug", 600))
        const projections = yield* host({ async: [takings] })
        yield* caughtUp(projections, takings.name)
        yield* execute(till, "2", sell("tea", 100))
        yield* execute(till, "1", { _tag: "Refund", product: "mug", cents: 600 })
        yield* caughtUp(projections, takings.name)
        assert.deepStrictEqual(
          (yield* rows(takings)).map(({ cents, sales, tillId }) => [tillId, cents, sales]),
          [
            ["1", 250, 2],
            ["2", 100, 1]
          ]
        )
        yield* execute(till, "1", { _tag: "Close" })
        yield* caughtUp(projections, takings.name)
        assert.deepStrictEqual(yield* ReadModel.get(takings, { tillId: "1" }), Option.none())
        const status = yield* projections.status(takings.name)
        assert.strictEqual(status.state, "up to date")
        assert.strictEqual(status.lagEvents, 0)
        assert.strictEqual(status.events, 5)
      }).pipe(Effect.scoped)
    )

    it.effect("stops at an event that can't be folded, alone, and goes on when it is skipped", () =>
      Effect.gen(function* () {
        const { products, takings, till } = fresh()
        const projections = yield* host({ async: [takings, products] })
        yield* execute(till, "1", sell("tea", 250), sell("poison", 1), sell("tea", 50))
        yield* caughtUp(projections, takings.name)
        const position = yield* head
        const stopped = yield* Effect.flip(
          projections.waitFor(products.name, position, "20 seconds")
        )
        assert.strictEqual(stopped._tag, "ProjectionStopped")
        const status = yield* projections.status(products.name)
        assert.strictEqual(status.state, "stopped")
        const poison = Option.getOrThrow(status.poison)
        assert.deepStrictEqual(
          [poison.revision, poison.type, poison.reason, poison.issue],
          [2, "Sold", "Threw", "Error: it can't be folded: \ufffd\ufffd"]
        )
        assert.deepStrictEqual(
          (yield* rows(products)).map(({ cents }) => cents),
          [250n]
        )
        const voiceless = ["", " \n", "x".repeat(1_001), "a \u0000 in it", "half of a pair: \ud83d"]
        for (const reason of voiceless) {
          const refused = yield* Effect.flip(
            projections.skip(products.name, poison.position, reason)
          )
          assert.strictEqual(refused._tag, "InvalidSkipReason")
        }
        yield* projections.skip(products.name, poison.position, "it was a test of the till")
        yield* caughtUp(projections, products.name)
        assert.deepStrictEqual(
          (yield* rows(products)).map(({ cents }) => cents),
          [300n]
        )
        const [skipped] = yield* projections.skipped(products.name)
        assert.strictEqual(skipped?.reason, "it was a test of the till")
        assert.deepStrictEqual(
          yield* rows(products),
          yield* OnDemandProjection.tableAt(products),
          "what is folded on demand leaves it out too"
        )
        const last = yield* Stream.runHead(
          (yield* EventStore).readAll({
            categories: [till.category],
            direction: "backward",
            limit: 1
          })
        )
        const late = yield* Effect.flip(
          projections.skip(products.name, Option.getOrThrow(last).position, "too late")
        )
        assert.strictEqual(late._tag, "AlreadyFolded")
        yield* Stream.runDrain(projections.rebuild(products.name))
      }).pipe(Effect.scoped)
    )

    it.effect("fails waiters for a version with the event that stops its shadow", () =>
      Effect.gen(function* () {
        const { products: second, till } = fresh()
        const first = Projection.define({
          name: second.name,
          version: 1,
          from: [till],
          row: Schema.Struct({ product: Schema.String }),
          primaryKey: ["product"]
        }).fold({ keys: () => [], initial: () => undefined, apply: () => undefined })
        yield* execute(till, "1", sell("tea", 250), sell("poison", 1))
        yield* Effect.scoped(
          Effect.flatMap(host({ async: [first] }), (old) => caughtUp(old, first.name))
        )
        yield* execute(till, "1", sell("tea", 1))
        const projections = yield* host({ async: [products(till, second.name, 2)] })
        const { name } = second
        const waiting = [
          Effect.flip(Effect.flatMap(head, (now) => projections.waitFor(name, now, "20 seconds"))),
          Effect.flip(Stream.runDrain(projections.rebuild(name))),
          Effect.flip(Stream.runDrain(projections.rebuild(name)))
        ]
        for (const failure of waiting) {
          const stopped = yield* failure
          assert.strictEqual(stopped._tag, "ProjectionStopped")
          if (stopped._tag === "ProjectionStopped") {
            assert.deepStrictEqual([stopped.poison.revision, stopped.poison.reason], [2, "Threw"])
          }
        }
      }).pipe(Effect.scoped)
    )

    it.effect(
      "stops at an event that leaves an invalid row, though the next one would correct it",
      () =>
        Effect.gen(function* () {
          const { till } = fresh()
          const handler = yield* CommandHandler
          // Both events are in one append, and so in one page.
          yield* handler.executeAll(till, "1", [
            { command: sell("tea", 5) },
            { command: { _tag: "Refund", product: "tea", cents: 5 } }
          ])
          const owed = Projection.define({
            name: `owed_${till.category.slice(-8)}`,
            version: 1,
            from: [till],
            row: Schema.Struct({
              product: Schema.String,
              cents: Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))
            }),
            primaryKey: ["product"]
          }).fold({
            keys: (event) => (event._tag === "Closed" ? [] : [{ product: event.product }]),
            initial: (key) => ({ ...key, cents: 0 }),
            apply: (row, event) =>
              event._tag === "Closed"
                ? row
                : { ...row, cents: row.cents + (event._tag === "Sold" ? -1 : 1) * event.cents }
          })
          const projections = yield* host({ async: [owed] })
          const stopped = yield* Effect.flip(
            projections.waitFor(owed.name, yield* head, "20 seconds")
          )
          const onDemand = yield* Effect.flip(OnDemandProjection.tableAt(owed))
          for (const error of [stopped, onDemand]) {
            assert.strictEqual(error._tag, "ProjectionStopped")
            if (error._tag !== "ProjectionStopped") continue
            assert.deepStrictEqual([error.poison.revision, error.poison.reason], [1, "NoRow"])
          }
          assert.deepStrictEqual(yield* rows(owed), [])
        }).pipe(Effect.scoped)
    )

    it.effect("takes nothing in while it is paused", () =>
      Effect.gen(function* () {
        const { takings, till } = fresh()
        const projections = yield* host({ async: [takings] })
        yield* execute(till, "1", sell("tea", 250))
        yield* caughtUp(projections, takings.name)
        yield* projections.pause(takings.name)
        yield* execute(till, "1", sell("tea", 50))
        const position = yield* head
        const late = yield* Effect.flip(projections.waitFor(takings.name, position, "100 millis"))
        assert.strictEqual(late._tag, "WaitTimedOut")
        const status = yield* projections.status(takings.name)
        assert.deepStrictEqual([status.state, status.lagEvents], ["paused", 1])
        yield* projections.resume(takings.name)
        yield* caughtUp(projections, takings.name)
        assert.deepStrictEqual(
          (yield* rows(takings)).map(({ cents }) => cents),
          [300]
        )
      }).pipe(Effect.scoped)
    )

    it.effect("is kept by one of several hosts, and by another when that one is gone", () =>
      Effect.gen(function* () {
        const { takings, till } = fresh()
        const first = yield* Scope.make()
        const one = yield* Scope.provide(host({ async: [takings] }), first)
        yield* execute(till, "1", sell("tea", 1))
        yield* caughtUp(one, takings.name)
        const other = yield* host({ async: [takings] })
        const { owner } = yield* one.status(takings.name)
        assert.deepStrictEqual((yield* other.status(takings.name)).owner, owner)
        yield* Scope.close(first, Exit.void)
        yield* execute(till, "1", sell("tea", 2))
        yield* caughtUp(other, takings.name)
        assert.notDeepEqual((yield* other.status(takings.name)).owner, owner)
        assert.deepStrictEqual(
          (yield* rows(takings)).map(({ cents }) => cents),
          [3]
        )
      }).pipe(Effect.scoped)
    )

    it.effect("is rebuilt beside what serves, which stays when it is the same", () =>
      Effect.gen(function* () {
        const { products, till } = fresh()
        const projections = yield* host({ async: [products] })
        for (let n = 0; n < 30; n++) yield* execute(till, `${n % 7}`, sell(`p${n % 5}`, n))
        yield* caughtUp(projections, products.name)
        const before = yield* rows(products)
        for (const parallelism of [1, 3]) {
          const progress = yield* Stream.runCollect(
            projections.rebuild(products.name, { parallelism })
          )
          assert.deepStrictEqual([progress.at(-1)?.switched, progress.at(-1)?.fraction], [true, 1])
          assert.deepStrictEqual(yield* rows(products), before)
        }
        yield* execute(till, "1", sell("p0", 1_000))
        yield* caughtUp(projections, products.name)
        assert.notDeepEqual(yield* rows(products), before)
        const generations = yield* projections.generations(products.name)
        assert.deepStrictEqual(
          generations.map(({ generation, role }) => [generation, role]),
          [
            [1, "retired"],
            [2, "retired"],
            [3, "serving"]
          ]
        )
        yield* projections.drop(products.name, 1)
        assert.lengthOf(yield* projections.generations(products.name), 2)
      }).pipe(Effect.scoped)
    )

    it.effect("does not serve rebuilt rows that differ, and lists them", () =>
      Effect.gen(function* () {
        const { takings, till } = fresh()
        yield* execute(till, "1", sell("tea", 1))
        yield* execute(till, "2", sell("tea", 2))
        const scope = yield* Scope.make()
        yield* caughtUp(yield* Scope.provide(host({ async: [takings] }), scope), takings.name)
        yield* Scope.close(scope, Exit.void)
        // The fold was changed, but not its version.
        const changed: Projection.Any = {
          ...takings,
          keys: (event, recorded) => (takings as Projection.Any).keys(event, recorded),
          apply: (row, event, applied) => {
            const after = (takings as Projection.Any).apply(row, event, applied)
            return applied.recorded.streamId.endsWith("-2") ? { ...after, sales: 7 } : after
          }
        }
        const projections = yield* host({ async: [changed] })
        const differs = yield* Effect.flip(Stream.runDrain(projections.rebuild(takings.name)))
        assert.strictEqual(differs._tag, "RowsDiffer")
        if (differs._tag !== "RowsDiffer") return
        assert.strictEqual(differs.count, 1)
        assert.deepStrictEqual(
          differs.differences.map(({ key, rebuilt, serving }) => [
            key,
            serving?.["sales"],
            rebuilt?.["sales"]
          ]),
          [[{ tillId: "2" }, 1, 7]]
        )
        assert.deepStrictEqual(
          (yield* rows(takings)).map(({ sales }) => sales),
          [1, 1]
        )
      }).pipe(Effect.scoped)
    )

    it.effect("serves a version until the next one has caught up, and refuses the one before", () =>
      Effect.gen(function* () {
        const { takings: first, till } = fresh()
        yield* execute(till, "1", sell("tea", 5))
        const scope = yield* Scope.make()
        const old = yield* Scope.provide(host({ async: [first] }), scope)
        yield* caughtUp(old, first.name)
        const second = { ...takings(till, first.name, 2), indexes: [] }
        const projections = yield* host({ async: [second] })
        yield* execute(till, "1", sell("tea", 6))
        yield* Effect.repeat(projections.status(first.name), {
          until: ({ version }) => version === 2,
          schedule: Schedule.spaced("5 millis")
        })
        yield* caughtUp(projections, first.name)
        assert.deepStrictEqual(
          (yield* rows(second)).map(({ cents }) => cents),
          [11]
        )
        yield* Scope.close(scope, Exit.void)
        const store = yield* ReadModelStore
        const roles = (yield* store.states(first.name)).map(({ role, version }) => [role, version])
        assert.deepStrictEqual(roles, [
          ["retired", 1],
          ["serving", 2]
        ])
        // A host of the earlier release may still start: it maintains nothing, and nothing fails.
        yield* host({ async: [first] })
      }).pipe(Effect.scoped)
    )

    it.effect("refuses a definition that changed without a version, with the difference", () =>
      Effect.gen(function* () {
        const { takings } = fresh()
        yield* Effect.scoped(host({ async: [takings] }))
        const changed = { ...takings, indexes: [["sales"]] }
        const error = yield* Effect.flip(Effect.scoped(host({ async: [changed] })))
        assert.strictEqual(error._tag, "DefinitionChanged")
        assert.strictEqual(
          error.message,
          `${takings.name} is not what version 1 was:\n- index (cents)\n+ index (sales)`
        )
      })
    )

    it.effect("is visible once the append has succeeded when it is inline", () =>
      Effect.gen(function* () {
        const { products, takings, till } = fresh()
        const inline = [takings, products]
        yield* execute(till, "0", sell("tea", 1))
        // The composition that `Projections.layer` documents: one registration, appends on top of it.
        const started = yield* Layer.build(
          Layer.fresh(CommandHandler.layer.pipe(Layer.provideMerge(Projections.layer({ inline }))))
        ).pipe(Effect.provideService(RunnerSettings, settings))
        const projections = Context.get(started, Projections)
        for (const { name } of inline) {
          yield* Effect.repeat(projections.status(name), {
            until: ({ state }) => state === "inline",
            schedule: Schedule.spaced("5 millis")
          })
        }
        yield* Effect.gen(function* () {
          yield* execute(till, "1", sell("tea", 5))
          const row = yield* ReadModel.get(takings, { tillId: "1" })
          assert.strictEqual(Option.getOrThrow(row).cents, 5)
          // Concurrent appends to one row, whose fold depends on the order.
          yield* Effect.forEach(
            Array.from({ length: 40 }, (_, n) => n),
            (n) => execute(till, `${n % 8}`, sell("tea", n)),
            { concurrency: "unbounded" }
          )
          for (const projection of [takings, products] as ReadonlyArray<Projection.Any>) {
            const onDemand = yield* OnDemandProjection.tableAt(projection)
            const kept = yield* Stream.runCollect(ReadModel.query(projection))
            assert.sameDeepMembers(Array.from(kept), Array.from(onDemand))
          }
          // An event that it can't fold is appended, and the runner stops at it.
          yield* execute(till, "1", sell("poison", 1))
          assert.strictEqual((yield* projections.status(takings.name)).state, "inline")
          const position = yield* head
          const stopped = yield* Effect.flip(
            projections.waitFor(products.name, position, "20 seconds")
          )
          assert.strictEqual(stopped._tag, "ProjectionStopped")
          if (stopped._tag !== "ProjectionStopped") return
          yield* projections.skip(products.name, stopped.poison.position, "a test")
          yield* caughtUp(projections, products.name)
          yield* execute(till, "1", sell("tea", 7))
          yield* caughtUp(projections, products.name)
          assert.sameDeepMembers(
            Array.from(yield* rows(products)),
            Array.from(yield* OnDemandProjection.tableAt(products))
          )
        }).pipe(Effect.provide(started))
      }).pipe(Effect.scoped)
    )

    it.effect("is folded on demand as of any position, revision and instant", () =>
      Effect.gen(function* () {
        const { takings, till } = fresh()
        const events = yield* EventStore
        yield* execute(till, "1", sell("tea", 1))
        const between = yield* head
        yield* execute(till, "1", sell("tea", 2))
        yield* execute(till, "2", sell("tea", 4))
        const cents = (row: Option.Option<{ readonly cents: number }>) =>
          Option.getOrUndefined(Option.map(row, (found) => found.cents))
        const key = { tillId: "1" }
        assert.strictEqual(cents(yield* OnDemandProjection.rowAt(takings, key)), 3)
        assert.strictEqual(
          cents(yield* OnDemandProjection.rowAt(takings, key, { position: between })),
          1
        )
        const recorded = yield* Stream.runCollect(events.readAll({ categories: [till.category] }))
        const [first, second] = recorded
        if (first === undefined || second === undefined) return assert.fail("two are recorded")
        assert.strictEqual(
          cents(yield* OnDemandProjection.rowAt(takings, key, { revision: first.revision })),
          1
        )
        const table = yield* OnDemandProjection.tableAt(takings, { position: second.position })
        assert.deepStrictEqual(
          table.map((row) => [row.tillId, row.cents]),
          [["1", 3]]
        )
        const earlier = { recordedAt: first.recordedAt }
        const then = recorded.filter(
          (one) => one.recordedAt.epochMilliseconds <= first.recordedAt.epochMilliseconds
        )
        const sold = (yield* OnDemandProjection.tableAt(takings, earlier)).reduce(
          (sum, row) => sum + row.sales,
          0
        )
        assert.strictEqual(sold, then.length)
        const none = yield* Effect.result(
          OnDemandProjection.rowAt(
            products(till, "p"),
            { product: "tea" },
            { revision: first.revision }
          )
        )
        assert.isTrue(Result.isFailure(none) && none.failure._tag === "NoSingleStream")
      })
    )
  })
}
