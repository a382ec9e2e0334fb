/**
 * A host with many read models: what it asks of its stores, when nothing happens and per command.
 */
import { Projections } from "@daybook/projections/Projections"
import { ReadModelStore } from "@daybook/projections/ReadModelStore"
import * as ReadModelStoreMemory from "@daybook/projections/ReadModelStoreMemory"
import { CommandHandler } from "@daybook/store/CommandHandler"
import { EventStore } from "@daybook/store/EventStore"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { aggregateOf, takings } from "./Till.ts"

/** The read models, each of a category of its own. */
const tills = Array.from({ length: 100 }, (_, n) => aggregateOf(`till_${n}`))
const models = tills.map((till, n) => takings(till, `takings_${n}`))
const [busy, idle, last] = [tills[0], tills[1], models[1]]
if (busy === undefined || idle === undefined || last === undefined) throw new Error("too few")

/** Wraps stores, and counts each call that is at least one statement of a database. */
const counting = Effect.gen(function* () {
  const events = yield* EventStore
  const rows = yield* ReadModelStore
  const calls = new Map<string, number>()
  const counted = <A, E, R>(operation: string, effect: Effect.Effect<A, E, R>) =>
    Effect.suspend(() => {
      calls.set(operation, (calls.get(operation) ?? 0) + 1)
      return effect
    })
  const stores = Context.make(
    EventStore,
    EventStore.of({
      ...events,
      checkpoint: counted("checkpoint", events.checkpoint),
      verify: (given) => counted("verify", events.verify(given)),
      backlog: (options) => counted("backlog", events.backlog(options)),
      readAll: (options) =>
        Stream.unwrap(counted("readAll", Effect.succeed(events.readAll(options))))
    })
  ).pipe(
    Context.add(
      ReadModelStore,
      ReadModelStore.of({
        ...rows,
        states: (...names) => counted("states", rows.states(...names)),
        skipped: (name) => counted("skipped", rows.skipped(name)),
        claim: (...claim) => counted("claim", rows.claim(...claim)),
        renew: (renewals) => counted("renew", rows.renew(renewals)),
        release: (claim) => counted("release", rows.release(claim)),
        mark: (markings) => counted("mark", rows.mark(markings)),
        load: (table, claim, step) =>
          step.keys.length === 0
            ? rows.load(table, claim, step)
            : counted("load", rows.load(table, claim, step)),
        advance: (...step) => counted("advance", rows.advance(...step))
      })
    )
  )
  const total = () => Array.from(calls.values()).reduce((sum, n) => sum + n, 0)
  return { calls, stores, total }
})

const host = (
  stores: Context.Context<EventStore | ReadModelStore>,
  readModels: Parameters<typeof Projections.layer>[0]
) =>
  Effect.provide(
    Effect.map(Layer.build(Layer.fresh(Projections.layer(readModels))), (context) =>
      Context.get(context, Projections)
    ),
    stores
  )

/** The stores as they are. */
const own = Effect.context<EventStore | ReadModelStore>()

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

const sell = Effect.fnUntraced(function* (till: typeof busy, cents: number) {
  const handler = yield* CommandHandler
  const { position } = yield* handler.execute(till, "1", { _tag: "Sell", product: "tea", cents })
  return position
})

/** Lets every fiber run until it waits. */
const settle = Effect.replicateEffect(Effect.yieldNow, 30, { discard: true })

/** Passes virtual time in pieces, so that every fiber runs until it waits between two of them. */
const pass = (seconds: number) =>
  Effect.replicateEffect(
    Effect.andThen(TestClock.adjust("50 millis"), settle),
    Math.ceil(seconds * 20),
    { discard: true }
  )

const SECONDS = 60

describe("A host with 100 read models", () => {
  it.effect("asks for fewer than 5 statements a second while nothing happens", () =>
    run(
      Effect.gen(function* () {
        const { calls, stores, total } = yield* counting
        yield* host(stores, { async: models })
        yield* sell(busy, 100)
        yield* pass(2)
        calls.clear()
        yield* pass(SECONDS)
        assert.isBelow(total(), 5 * SECONDS, JSON.stringify(Object.fromEntries(calls)))
      })
    )
  )

  it.effect("asks for as few while another host maintains them", () =>
    run(
      Effect.gen(function* () {
        const { calls, stores, total } = yield* counting
        yield* host(
          Context.pick(
            EventStore,
            ReadModelStore
          )(yield* Effect.context<EventStore | ReadModelStore>()),
          { async: models }
        )
        yield* sell(busy, 100)
        yield* pass(2)
        yield* host(stores, { async: models })
        yield* pass(2)
        calls.clear()
        yield* pass(SECONDS)
        assert.isBelow(total(), 5 * SECONDS, JSON.stringify(Object.fromEntries(calls)))
      })
    )
  )

  it.effect("asks for as few while appends maintain them", () =>
    run(
      Effect.gen(function* () {
        const { calls, stores, total } = yield* counting
        const context = yield* Effect.provide(
          Layer.build(
            CommandHandler.layer.pipe(
              Layer.provideMerge(Layer.fresh(Projections.layer({ inline: models })))
            )
          ),
          stores
        )
        yield* pass(2)
        calls.clear()
        for (let second = 0; second < SECONDS; second++) {
          yield* Effect.forEach(tills.slice(0, 10), (till) => sell(till, second)).pipe(
            Effect.provideContext(context)
          )
          yield* pass(1)
        }
        const told = JSON.stringify(Object.fromEntries(calls))
        assert.isBelow(total(), 5 * SECONDS, told)
        const marks = calls.get("mark") ?? 0
        assert.isAtLeast(marks, SECONDS - 1, told)
        assert.isAtMost(marks, SECONDS, told)
      })
    )
  )

  it.effect("takes the steps of a command's own read model, and no more", () =>
    run(
      Effect.gen(function* () {
        const { calls, stores } = yield* counting
        yield* host(stores, { async: models })
        yield* pass(2)
        calls.clear()
        for (let n = 0; n < 50; n++) {
          yield* sell(busy, n)
          yield* settle
        }
        assert.deepStrictEqual(Object.fromEntries(calls), { load: 50, advance: 50 })
        // The others are brought up to where they have read, in one statement for all.
        yield* pass(1)
        assert.deepStrictEqual(
          [calls.get("advance"), calls.get("renew")],
          [50, 1],
          JSON.stringify(Object.fromEntries(calls))
        )
      })
    )
  )

  it.effect("reaches a position without an event for a read model at once", () =>
    run(
      Effect.gen(function* () {
        const { calls, stores } = yield* counting
        const projections = yield* host(stores, { async: models })
        yield* pass(2)
        const position = yield* sell(busy, 100)
        yield* settle
        calls.clear()
        yield* Effect.forEach(
          models,
          ({ name }) => projections.waitFor(name, position, "1 millis"),
          { concurrency: "unbounded" }
        )
        // The rows that the event is of are compared with the log after the first look, the others
        // when their checkpoints have been moved.
        assert.deepStrictEqual(Object.fromEntries(calls), { states: 2, renew: 1, verify: 2 })
      })
    )
  )

  it.effect("reaches such a position on another host before the checkpoint moves", () =>
    run(
      Effect.gen(function* () {
        const { stores } = yield* counting
        yield* host(yield* own, { async: models })
        yield* pass(2)
        const other = yield* host(stores, { async: models })
        yield* pass(2)
        const { name } = last
        const position = yield* sell(busy, 100)
        const waiting = yield* Effect.forkChild(other.waitFor(name, position, "1 second"))
        yield* pass(0.1)
        assert.deepStrictEqual(waiting.pollUnsafe(), Exit.void)
        const [serving] = yield* (yield* ReadModelStore).states(name)
        assert.notStrictEqual(serving?.checkpoints[0], position)
        // An event of its own has to be folded.
        yield* other.pause(name)
        const lacking = yield* sell(idle, 100)
        const patient = yield* Effect.forkChild(other.waitFor(name, lacking, "1 minute"))
        yield* pass(1)
        assert.isUndefined(patient.pollUnsafe())
        yield* other.resume(name)
        yield* pass(2)
        assert.deepStrictEqual(patient.pollUnsafe(), Exit.void)
      })
    )
  )
})
