/**
 * Read models of a log that is restored to an earlier time, or is replaced: shared by the tests of
 * all stores.
 */
import * as CommandId from "@daybook/kernel/CommandId"
import * as EventMark from "@daybook/kernel/EventMark"
import type { LogId } from "@daybook/kernel/LogId"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import { Projections } from "@daybook/projections/Projections"
import { HistoryChanged, OtherLog } from "@daybook/projections/ReadModelError"
import * as ReadModel from "@daybook/projections/ReadModel"
import { ReadModelStore } from "@daybook/projections/ReadModelStore"
import * as ReadModelTable from "@daybook/projections/driver/ReadModelTable"
import { defaults, RunnerSettings } from "@daybook/projections/RunnerSettings"
import { CommandHandler } from "@daybook/store/CommandHandler"
import { EventStore } from "@daybook/store/EventStore"
import { assert, layer } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as Context from "effect/Context"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { aggregateOf, products, takings, type TillAggregate } from "./Till.ts"
import { take } from "./taking.ts"

/** A log with its read models, and the events of its operation that no caller of it can cause. */
export class World extends Context.Service<
  World,
  {
    /** Restores the log to its first events, and leaves its read models as they are. */
    readonly restore: (keep: number) => Effect.Effect<EventStore["Service"], unknown>
    /** Makes another log, which may use the same store of read models or have its own. */
    readonly another: Effect.Effect<
      { readonly events: EventStore["Service"]; readonly rows: ReadModelStore["Service"] },
      unknown
    >
  }
>()("@daybook/projections/test/World") {}

const fresh = () => {
  const id = SecureRandom.uuidV4Unsafe().slice(0, 8)
  const till = aggregateOf(`till_${id}`)
  return {
    till,
    takings: takings(till, `takings_${id}`),
    products: products(till, `products_${id}`)
  }
}

// Hosts here release their claims when they end, so no lease has to run out.
const settings = { ...defaults, lease: "1 minute", pollInterval: "20 millis" } as const

const host = (projections: Parameters<typeof Projections.layer>[0]) =>
  Layer.build(Layer.fresh(Projections.layer(projections))).pipe(
    Effect.map((context) => Context.get(context, Projections)),
    Effect.provideService(RunnerSettings, settings)
  )

/** Sells products one after the other, by default for a cent each. */
const sell = (
  events: EventStore["Service"],
  till: TillAggregate,
  id: string,
  count: number,
  product = "tea"
) =>
  Effect.gen(function* () {
    const handler = yield* CommandHandler
    for (let n = 0; n < count; n++) {
      yield* handler.execute(till, id, { _tag: "Sell", product, cents: 1 })
    }
  }).pipe(Effect.provide(CommandHandler.layer), Effect.provideService(EventStore, events))

const on =
  (events: EventStore["Service"]) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.provideService(effect, EventStore, events)

const head = (events: EventStore["Service"]) =>
  Effect.map(events.checkpoint, ({ position }) => position)

const salesOf = (projection: ReturnType<typeof takings>) =>
  Effect.map(Stream.runCollect(ReadModel.query(projection)), (rows) =>
    rows.map(({ sales, tillId }) => [tillId, sales])
  )

const all = (events: EventStore["Service"]) => Stream.runCollect(events.readAll())

/** Runs a host until it has folded the present log, and ends it. */
const keep = (
  events: EventStore["Service"],
  projections: Parameters<typeof Projections.layer>[0],
  name: string
) =>
  Effect.gen(function* () {
    const kept = yield* host(projections)
    yield* kept.waitFor(name, yield* head(events), "30 seconds")
    return yield* until(kept.status(name), ({ state }) => state === "up to date")
  }).pipe(on(events), Effect.scoped)

const rebuilt = (projections: Projections["Service"], name: string) =>
  Effect.map(Stream.runCollect(projections.rebuild(name)), (told) => told.at(-1)?.switched)

const until = Effect.fnUntraced(function* <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  is: (value: A) => boolean
): Effect.fn.Return<A, E, R> {
  for (;;) {
    const value = yield* effect
    if (is(value)) return value
    yield* Effect.yieldNow
  }
})

export const cases = <E>(
  name: string,
  stores: Layer.Layer<EventStore | ReadModelStore | World, E>
): void => {
  // Each case has its own log, since it restores the log.
  layer(Layer.empty, { timeout: "2 minutes", excludeTestServices: true })(name, (it) => {
    const inWorld = <A, EE>(
      sentence: string,
      run: Effect.Effect<A, EE, EventStore | ReadModelStore | World>
    ) => it.effect(sentence, () => Effect.provide(run, Layer.fresh(stores)), 120_000)

    inWorld(
      "stops when the log was restored to before its checkpoint, and is right when it is rebuilt",
      Effect.gen(function* () {
        const events = yield* EventStore
        const { takings, till } = fresh()
        const { name } = takings
        yield* sell(events, till, "1", 25)
        const before = yield* keep(events, { async: [takings] }, name)
        assert.deepStrictEqual([before.state, before.mismatch], ["up to date", Option.none()])
        assert.deepStrictEqual(yield* salesOf(takings), [["1", 25]])

        const restored = yield* (yield* World).restore(5)
        yield* sell(restored, till, "2", 3)
        yield* Effect.gen(function* () {
          const projections = yield* host({ async: [takings] })
          const status = yield* projections.status(name)
          assert.strictEqual(status.state, "stopped")
          const mismatch = Option.getOrThrow(status.mismatch)
          assert.deepStrictEqual(mismatch, {
            _tag: "PastHead",
            position: before.position,
            head: yield* head(restored),
            log: yield* restored.identity
          })
          const waited = yield* Effect.flip(
            projections.waitFor(name, yield* head(restored), "20 seconds")
          )
          assert.deepStrictEqual(waited, new HistoryChanged({ name, reason: mismatch }))
          assert.deepStrictEqual(yield* salesOf(takings), [["1", 25]])
          assert.isTrue(yield* rebuilt(projections, name))
          assert.deepStrictEqual(yield* salesOf(takings), [
            ["1", 5],
            ["2", 3]
          ])
          yield* sell(restored, till, "2", 1)
          yield* projections.waitFor(name, yield* head(restored), "20 seconds")
          assert.deepStrictEqual(yield* salesOf(takings), [
            ["1", 5],
            ["2", 4]
          ])
          const after = yield* until(
            projections.status(name),
            ({ state }) => state === "up to date"
          )
          assert.deepStrictEqual(after.mismatch, Option.none())
        }).pipe(on(restored), Effect.scoped)
      })
    )

    inWorld(
      "stops when a repeated command has recorded the event of its checkpoint again",
      Effect.gen(function* () {
        const events = yield* EventStore
        const { takings, till } = fresh()
        const { name } = takings
        const options = { commandId: CommandId.make(SecureRandom.uuidV4Unsafe()) }
        const repeated = Effect.flatMap(CommandHandler, (handler) =>
          handler.execute(till, "2", { _tag: "Sell", product: "tea", cents: 1 }, options)
        ).pipe(Effect.provide(CommandHandler.layer), on(events))
        yield* sell(events, till, "1", 5)
        yield* sell(events, till, "2", 1, "coffee")
        yield* repeated
        const before = yield* keep(events, { async: [takings] }, name)
        const lost = Arr.lastNonEmpty((yield* all(events)) as [RecordedEvent])

        const restored = yield* (yield* World).restore(5)
        // Another sale has the place of the lost one; the position after it has the same event id.
        yield* sell(restored, till, "1", 1)
        yield* repeated
        const now = Arr.lastNonEmpty((yield* all(restored)) as [RecordedEvent])
        assert.deepStrictEqual([now.id, now.position], [lost.id, lost.position])
        yield* Effect.gen(function* () {
          const projections = yield* host({ async: [takings] })
          const status = yield* projections.status(name)
          assert.deepStrictEqual(Option.getOrThrow(status.mismatch), {
            _tag: "OtherEvent",
            position: before.position,
            given: EventMark.of(lost),
            recorded: EventMark.of(now),
            log: yield* restored.identity
          })
          assert.isTrue(yield* rebuilt(projections, name))
          assert.deepStrictEqual(yield* salesOf(takings), [
            ["1", 6],
            ["2", 1]
          ])
        }).pipe(on(restored), Effect.scoped)
      })
    )

    inWorld(
      "stops when the restored log has come past its checkpoint, though it read none of the lost events",
      Effect.gen(function* () {
        const events = yield* EventStore
        const { takings, till } = fresh()
        const { name } = takings
        yield* sell(events, till, "1", 5)
        // Events of another category, which only move the checkpoint.
        yield* sell(events, fresh().till, "1", 20)
        const before = yield* keep(events, { async: [takings] }, name)
        const lost = (yield* all(events)).at(-1)

        const restored = yield* (yield* World).restore(5)
        yield* sell(restored, till, "2", 30)
        yield* Effect.gen(function* () {
          const projections = yield* host({ async: [takings] })
          const status = yield* projections.status(name)
          assert.strictEqual(status.state, "stopped")
          const now = (yield* all(restored)).findLast(({ position }) => position <= before.position)
          assert.deepStrictEqual(Option.getOrThrow(status.mismatch), {
            _tag: "OtherEvent",
            position: before.position,
            given: lost === undefined ? null : EventMark.of(lost),
            recorded: now === undefined ? null : EventMark.of(now),
            log: yield* restored.identity
          })
          assert.isTrue(yield* rebuilt(projections, name))
          assert.deepStrictEqual(yield* salesOf(takings), [
            ["1", 5],
            ["2", 30]
          ])
        }).pipe(on(restored), Effect.scoped)
      })
    )

    inWorld(
      "catches up when the restored log has all that it holds",
      Effect.gen(function* () {
        const events = yield* EventStore
        const { takings, till } = fresh()
        const { name } = takings
        yield* sell(events, till, "1", 5)
        yield* keep(events, { async: [takings] }, name)
        yield* sell(events, till, "1", 20)
        const restored = yield* (yield* World).restore(5)
        yield* sell(restored, till, "2", 3)
        const status = yield* keep(restored, { async: [takings] }, name)
        assert.deepStrictEqual(status.mismatch, Option.none())
        assert.deepStrictEqual(yield* salesOf(takings), [
          ["1", 5],
          ["2", 3]
        ])
      })
    )

    inWorld(
      "stops though appends keep it, and is right when it is rebuilt",
      Effect.gen(function* () {
        const events = yield* EventStore
        const { takings, till } = fresh()
        const { name } = takings
        const kept = (beneath: EventStore["Service"]) =>
          Layer.build(Layer.fresh(Projections.layerAppends([takings]))).pipe(
            Effect.map((context) => Context.get(context, EventStore)),
            on(beneath)
          )
        yield* Effect.gen(function* () {
          const projections = yield* host({ inline: [takings] })
          yield* until(projections.status(name), ({ state }) => state === "inline")
          yield* sell(yield* kept(events), till, "1", 25)
          const end = yield* head(events)
          const store = yield* ReadModelStore
          yield* until(
            store.states(takings.name),
            ([state]) => state?.checkpoints[0] === end && state.mode === "inline"
          )
        }).pipe(on(events), Effect.scoped)
        const restored = yield* (yield* World).restore(5)
        yield* Effect.gen(function* () {
          const projections = yield* host({ inline: [takings] })
          const appending = yield* kept(restored)
          yield* sell(appending, till, "2", 3)
          const status = yield* projections.status(name)
          assert.strictEqual(status.state, "stopped")
          assert.strictEqual(Option.getOrThrow(status.mismatch)._tag, "PastHead")
          const waited = yield* Effect.flip(
            projections.waitFor(name, yield* head(restored), "20 seconds")
          )
          assert.instanceOf(waited, HistoryChanged)
          assert.isTrue(yield* rebuilt(projections, name))
          assert.deepStrictEqual(yield* salesOf(takings), [
            ["1", 5],
            ["2", 3]
          ])
          yield* sell(appending, till, "1", 1)
          assert.deepStrictEqual(yield* salesOf(takings), [
            ["1", 6],
            ["2", 3]
          ])
          assert.strictEqual((yield* projections.status(name)).state, "inline")
        }).pipe(on(restored), Effect.scoped)
      })
    )

    inWorld(
      "skips the given event, and no other that has its position now",
      Effect.gen(function* () {
        const events = yield* EventStore
        const { products, till } = fresh()
        const { name } = products
        yield* sell(events, till, "1", 5)
        yield* sell(events, till, "1", 1, "poison")
        const [poison] = (yield* all(events)).slice(5) as [RecordedEvent]
        yield* Effect.gen(function* () {
          const projections = yield* host({ async: [products] })
          yield* Effect.flip(projections.waitFor(name, poison.position, "20 seconds"))
          const nothing = yield* Effect.flip(
            projections.skip(name, ((yield* head(events)) + 1n) as typeof poison.position, "a test")
          )
          assert.strictEqual(nothing._tag, "NoEventToSkip")
          yield* projections.skip(name, poison.position, "a test")
          yield* projections.waitFor(name, poison.position, "20 seconds")
          const [skipped] = yield* projections.skipped(name)
          assert.deepStrictEqual(
            [skipped?.position, skipped?.event],
            [poison.position, EventMark.of(poison)]
          )
        }).pipe(on(events), Effect.scoped)

        const restored = yield* (yield* World).restore(5)
        yield* sell(restored, till, "1", 1, "poison")
        const [other] = (yield* all(restored)).slice(5) as [RecordedEvent]
        assert.deepStrictEqual([other.position, other.id === poison.id], [poison.position, false])
        yield* Effect.gen(function* () {
          const projections = yield* host({ async: [products] })
          const stopped = yield* Effect.flip(rebuilt(projections, name))
          if (stopped._tag !== "ProjectionStopped") return assert.fail(stopped._tag)
          assert.strictEqual(stopped.poison.position, other.position)
        }).pipe(on(restored), Effect.scoped)
      })
    )

    inWorld(
      "is built from nothing again when a shadow of it was begun in another history",
      Effect.gen(function* () {
        const events = yield* EventStore
        const rows = yield* ReadModelStore
        const { takings, till } = fresh()
        const { name } = takings
        yield* sell(events, till, "1", 25)
        const { position } = yield* keep(events, { async: [takings] }, name)
        const table = Result.getOrThrow(ReadModelTable.make(takings))
        const begun = yield* rows.beginShadow(table, {
          parallelism: 1,
          owner: "a host that dies",
          lease: Duration.zero,
          log: yield* events.identity
        })
        const last = (yield* all(events)).at(-1)
        const wrong = { tillId: "9", cents: 9, sales: 9, last: "2026-01-01T00:00:00.000Z" }
        yield* take(rows, table, Option.getOrThrow(begun.claim), {
          partition: 0,
          from: 0n as typeof position,
          to: position,
          event: last === undefined ? null : EventMark.of(last),
          keys: [{ tillId: "9" }],
          fold: () => Result.succeed({ upserts: [wrong], deletions: [] }),
          events: 1,
          eventsPerSecond: 0
        })
        const restored = yield* (yield* World).restore(5)
        yield* sell(restored, till, "2", 3)
        yield* Effect.gen(function* () {
          const projections = yield* host({ async: [takings] })
          // This rebuild was requested before the log was restored.
          yield* until(
            projections.status(name),
            ({ state, generation }) => generation === 2 && state === "up to date"
          )
          assert.deepStrictEqual(yield* salesOf(takings), [
            ["1", 5],
            ["2", 3]
          ])
        }).pipe(on(restored), Effect.scoped)
      })
    )

    inWorld(
      "is refused to another log, and each of several has its own",
      Effect.gen(function* () {
        const north = yield* EventStore
        const world = yield* World
        const { takings, till } = fresh()
        const { name } = takings
        const [south, third] = [yield* world.another, yield* world.another]
        yield* sell(north, till, "1", 10)
        yield* sell(south.events, till, "1", 3)
        yield* sell(third.events, till, "1", 16)
        yield* keep(north, { async: [takings] }, name)
        const kept: LogId = yield* north.identity
        for (const { events } of [south, third]) {
          const given = yield* events.identity
          assert.notStrictEqual(given, kept)
          for (const projections of [{ async: [takings] }, { inline: [takings] }]) {
            const refused = yield* Effect.flip(Effect.scoped(on(events)(host(projections))))
            assert.deepStrictEqual(refused, new OtherLog({ name: takings.name, kept, given }))
          }
          const appending = Context.get(
            yield* on(events)(Layer.build(Layer.fresh(Projections.layerAppends([takings])))),
            EventStore
          )
          yield* sell(appending, till, "2", 1)
        }
        assert.deepStrictEqual(yield* salesOf(takings), [["1", 10]])
        for (const [{ events, rows }, count] of [
          [south, 3],
          [third, 16]
        ] as const) {
          yield* Effect.provideService(
            Effect.gen(function* () {
              yield* keep(events, { async: [takings] }, name)
              assert.deepStrictEqual(yield* salesOf(takings), [
                ["1", count],
                ["2", 1]
              ])
            }),
            ReadModelStore,
            rows
          )
        }
        assert.deepStrictEqual(yield* salesOf(takings), [["1", 10]])
      }).pipe(Effect.scoped)
    )

    inWorld(
      "stops when the log is restored beneath the host that keeps it",
      Effect.gen(function* () {
        const events = yield* EventStore
        const world = yield* World
        const { takings, till } = fresh()
        const { name } = takings
        yield* sell(events, till, "1", 25)
        const projections = yield* host({ async: [takings] })
        yield* projections.waitFor(name, yield* head(events), "20 seconds")
        yield* world.restore(5)
        yield* sell(events, till, "2", 30)
        const waited = yield* Effect.flip(
          projections.waitFor(name, yield* head(events), "20 seconds")
        )
        assert.instanceOf(waited, HistoryChanged)
        assert.strictEqual((yield* projections.status(name)).state, "stopped")
        assert.deepStrictEqual(yield* salesOf(takings), [["1", 25]])
        assert.isTrue(yield* rebuilt(projections, name))
        assert.deepStrictEqual(yield* salesOf(takings), [
          ["1", 5],
          ["2", 30]
        ])
      }).pipe(Effect.scoped)
    )
  })
}
