/**
 * Many concurrent waiters for one read model.
 */
import * as Projection from "@daybook/kernel/Projection"
import * as Position from "@daybook/kernel/Position"
import { Projections } from "@daybook/projections/Projections"
import { ReadModelStoreError } from "@daybook/projections/ReadModelError"
import { ReadModelStore } from "@daybook/projections/ReadModelStore"
import * as ReadModelStoreMemory from "@daybook/projections/ReadModelStoreMemory"
import * as ReadModelTable from "@daybook/projections/driver/ReadModelTable"
import { CommandHandler } from "@daybook/store/CommandHandler"
import { EventStore, EventStoreError } from "@daybook/store/EventStore"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { aggregateOf, products } from "./Till.ts"

const till = aggregateOf("till")
const projection = products(till, "products")
const { name } = projection

/** Runs the projection on a store whose reads of states a test can count, delay and break. */
const watched = Effect.gen(function* () {
  const store = yield* ReadModelStore
  const events = yield* EventStore
  const looks = { count: 0, last: (): Effect.Effect<void, ReadModelStoreError> => Effect.void }
  const searches = { first: (): Effect.Effect<void, EventStoreError> => Effect.void }
  const service = ReadModelStore.of({
    ...store,
    states: (...names) =>
      Effect.tap(store.states(...names), () =>
        Effect.suspend(() => {
          looks.count++
          return looks.last()
        })
      )
  })
  const context = yield* Layer.build(Projections.layer({ async: [projection] })).pipe(
    Effect.provideService(ReadModelStore, service),
    Effect.provideService(
      EventStore,
      EventStore.of({
        ...events,
        readAll: (options) =>
          Stream.unwrap(Effect.as(Effect.suspend(searches.first), events.readAll(options)))
      })
    )
  )
  return { looks, projections: Context.get(context, Projections), searches }
})

const sell = Effect.fnUntraced(function* (product: string) {
  yield* (yield* CommandHandler).execute(till, "1", { _tag: "Sell", product, cents: 100 })
  return yield* (yield* EventStore).head
})

const run = <A, E>(
  effect: Effect.Effect<A, E, CommandHandler | EventStore | ReadModelStore | Scope.Scope>
) =>
  effect.pipe(
    Effect.scoped,
    Effect.provide(
      CommandHandler.layer.pipe(
        Layer.provideMerge(Layer.merge(EventStoreMemory.layer, ReadModelStoreMemory.layer))
      )
    )
  )

/** Lets every fiber run until it waits. */
const settle = Effect.andThen(
  TestClock.adjust("5 millis"),
  Effect.replicateEffect(Effect.yieldNow, 20, { discard: true })
)

/** Passes virtual time in pieces, so that every fiber runs until it waits between two of them. */
const pass = (seconds: number) => Effect.replicateEffect(settle, seconds * 200, { discard: true })

describe("Waiters for a read model", () => {
  it.effect("share one look, and each ends when its position is reached", () =>
    run(
      Effect.gen(function* () {
        const { looks, projections } = yield* watched
        const first = yield* sell("tea")
        yield* pass(2)
        yield* projections.waitFor(name, first, "1 second")
        yield* projections.pause(name)
        yield* pass(2)
        const second = yield* sell("mug")
        const third = Position.make(second + 1n)
        const ended = { at: [0, 0, 0] }
        const wait = (position: Position.Position, place: number) =>
          Effect.tap(projections.waitFor(name, position, "1 hour"), () =>
            Effect.sync(() => ended.at.splice(place, 1, (ended.at[place] ?? 0) + 1))
          )
        looks.count = 0
        const fibers = yield* Effect.forEach([first, second, third], (position, place) =>
          Effect.forEach(Array.from({ length: 500 }), () => Effect.forkChild(wait(position, place)))
        )
        yield* settle
        assert.deepStrictEqual(ended.at, [500, 0, 0])
        // A poll for the arrivals, and at most 40 a second; the runner itself polls once a second.
        assert.isAtMost(looks.count, 10)
        looks.count = 0
        yield* pass(10)
        assert.isAtLeast(looks.count, 300)
        assert.isAtMost(looks.count, 450)
        // A waiter that gives up does not end the others.
        yield* Effect.forEach((fibers[1] ?? []).slice(0, 100), Fiber.interrupt)
        yield* projections.resume(name)
        yield* pass(2)
        assert.deepStrictEqual(ended.at, [500, 400, 0])
        assert.strictEqual(yield* sell("tray"), third)
        yield* pass(1)
        assert.deepStrictEqual(ended.at, [500, 400, 500])
        // Without a waiter, only the runner polls.
        looks.count = 0
        yield* pass(10)
        assert.isAtMost(looks.count, 30)
      })
    )
  )

  it.effect("are judged by no look that began before they came", () =>
    run(
      Effect.gen(function* () {
        const { looks, projections } = yield* watched
        const poison = yield* sell("poison")
        yield* pass(2)
        const held = yield* Deferred.make<void>()
        const isLooking = yield* Deferred.make<void>()
        looks.last = () => {
          looks.last = () => Effect.void
          return Effect.andThen(Deferred.succeed(isLooking, undefined), Deferred.await(held))
        }
        const early = yield* Effect.forkChild(
          Effect.result(projections.waitFor(name, poison, "1 hour"))
        )
        yield* Deferred.await(isLooking)
        yield* projections.skip(name, poison, "it was a test of the till")
        yield* pass(5)
        const late = yield* Effect.forkChild(
          Effect.result(projections.waitFor(name, poison, "1 hour"))
        )
        yield* settle
        yield* Deferred.succeed(held, undefined)
        yield* pass(5)
        assert.deepStrictEqual(
          [(yield* Fiber.join(early))._tag, (yield* Fiber.join(late))._tag],
          ["Failure", "Success"]
        )
      })
    )
  )

  it.effect("all fail with what a look fails with, and the next ones do not", () =>
    run(
      Effect.gen(function* () {
        const { looks, projections } = yield* watched
        const position = yield* sell("tea")
        yield* pass(2)
        const error = new ReadModelStoreError({ operation: "states", cause: "a broken pipe" })
        looks.last = () => Effect.fail(error)
        const failed = yield* Effect.forEach(
          [1, 2, 3],
          () => Effect.flip(projections.waitFor(name, position, "1 hour")),
          { concurrency: "unbounded" }
        )
        assert.deepStrictEqual(failed, [error, error, error])
        looks.last = () => Effect.void
        yield* projections.waitFor(name, position, "1 hour")
      })
    )
  )

  it.effect("fail with a search of the log only if they need it", () =>
    run(
      Effect.gen(function* () {
        const { projections, searches } = yield* watched
        const reached = yield* sell("tea")
        yield* pass(2)
        yield* projections.pause(name)
        yield* pass(2)
        const lacking = yield* sell("mug")
        const error = new EventStoreError({ operation: "readAll", cause: "a broken pipe" })
        const patient = yield* Effect.forkChild(
          Effect.flip(projections.waitFor(name, lacking, "1 hour"))
        )
        // Its first look does not search the log; the arrival of the others begins the second.
        yield* Effect.replicateEffect(Effect.yieldNow, 20, { discard: true })
        searches.first = () => Effect.fail(error)
        yield* Effect.forEach([1, 2], () => projections.waitFor(name, reached, "1 hour"), {
          concurrency: "unbounded"
        })
        assert.strictEqual(yield* Fiber.join(patient), error)
      })
    )
  )

  it.effect("time out each by its own clock, with what is reached", () =>
    run(
      Effect.gen(function* () {
        const { projections } = yield* watched
        const position = yield* sell("tea")
        yield* pass(2)
        yield* projections.pause(name)
        const next = Position.make(position + 1n)
        const waits = yield* Effect.forEach(["1 second", "3 seconds"] as const, (timeout) =>
          Effect.forkChild(Effect.flip(projections.waitFor(name, next, timeout)))
        )
        yield* pass(2)
        assert.deepStrictEqual(
          waits.map((fiber) => fiber.pollUnsafe() !== undefined),
          [true, false]
        )
        yield* pass(2)
        const errors = yield* Effect.forEach(waits, (fiber) => Fiber.join(fiber))
        assert.deepStrictEqual(
          errors.map((error) =>
            error._tag === "WaitTimedOut"
              ? [error.position, error.reached, error.timeoutMillis]
              : error
          ),
          [
            [next, position, 1_000],
            [next, position, 3_000]
          ]
        )
      })
    )
  )

  it.effect("end with the poison of a shadow only when no host maintains what serves", () =>
    run(
      Effect.gen(function* () {
        const store = yield* ReadModelStore
        const table = Result.getOrThrow(ReadModelTable.make(projection))
        const { serving } = yield* store.open(table)
        const claim = yield* store.claim(serving, "a host of the old version", Duration.hours(1))
        const position = yield* sell("poison")
        const newer = { ...projection, version: Projection.Version.make(2) }
        const projections = Context.get(
          yield* Layer.build(Projections.layer({ async: [newer] })),
          Projections
        )
        yield* pass(5)
        assert.isTrue((yield* store.states(name)).some(({ poison }) => Option.isSome(poison)))
        const waiting = yield* Effect.forkChild(
          Effect.flip(projections.waitFor(name, position, "1 hour"))
        )
        yield* pass(5)
        // The other host may still reach the position.
        assert.isUndefined(waiting.pollUnsafe())
        yield* store.release(Option.getOrThrow(claim))
        yield* pass(5)
        assert.strictEqual((yield* Fiber.join(waiting))._tag, "ProjectionStopped")
      })
    )
  )
})
