/**
 * The calls that a host makes for all its read models, where one of them can't be answered.
 */
import * as Position from "@daybook/kernel/Position"
import { Projections } from "@daybook/projections/Projections"
import { ReadModelStore } from "@daybook/projections/ReadModelStore"
import * as ReadModelStoreMemory from "@daybook/projections/ReadModelStoreMemory"
import { CommandHandler } from "@daybook/store/CommandHandler"
import { EventStore, EventStoreError } from "@daybook/store/EventStore"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import * as SharedCalls from "../src/internal/runner/sharedCalls.ts"
import { aggregateOf, takings } from "./Till.ts"

const [sound, broken] = [aggregateOf("sound"), aggregateOf("broken")]
const [ofSound, ofBroken] = [takings(sound, "of_sound"), takings(broken, "of_broken")]

/** A position whose event can't be read. */
const LOST = Position.make(1n)

/** Two read models with a row each, made by a host that has ended. */
const filled = Effect.gen(function* () {
  const handler = yield* CommandHandler
  const projections = yield* Projections
  for (const till of [sound, broken]) {
    const sold = { _tag: "Sell", product: "tea", cents: 100 } as const
    yield* handler.execute(till, "1", sold)
  }
  const { position } = yield* handler.execute(broken, "1", {
    _tag: "Sell",
    product: "jam",
    cents: 50
  })
  const waiting = yield* Effect.forkChild(
    Effect.forEach([ofSound, ofBroken], ({ name }) =>
      projections.waitFor(name, position, "1 minute")
    ),
    { startImmediately: true }
  )
  yield* TestClock.adjust("1 minute")
  yield* Fiber.join(waiting)
}).pipe(Effect.provide(Layer.fresh(Projections.layer({ async: [ofSound, ofBroken] }))))

/** Asks for both read models at once. */
const both = Effect.fnUntraced(function* <A, E>(
  ask: (name: typeof ofSound.name) => Effect.Effect<A, E>
) {
  const asking = yield* Effect.forEach([ofSound, ofBroken], ({ name }) =>
    Effect.forkChild(ask(name), { startImmediately: true })
  )
  yield* TestClock.adjust("1 second")
  return yield* Effect.forEach(asking, (fiber) => Fiber.await(fiber))
})

const stores = CommandHandler.layer.pipe(
  Layer.provideMerge(Layer.merge(EventStoreMemory.layer, ReadModelStoreMemory.layer))
)

describe("The shared calls of a host", () => {
  it.effect("answer for a read model beside one whose state can't be read", () =>
    Effect.gen(function* () {
      yield* filled
      const rows = yield* ReadModelStore
      const { statesOf } = yield* SharedCalls.make(yield* EventStore, {
        ...rows,
        states: (...names) =>
          names.includes(ofBroken.name)
            ? Effect.die(new Error("a poison of a newer release"))
            : rows.states(...names)
      })
      const [answer, failure] = yield* both(statesOf)
      if (answer === undefined || !Exit.isSuccess(answer)) return assert.fail(String(answer))
      assert.deepStrictEqual(
        answer.value.map(({ name, role }) => [name, role]),
        [["of_sound", "serving"]]
      )
      assert.include(String(failure), "a poison of a newer release")
    }).pipe(Effect.scoped, Effect.provide(stores))
  )

  it.effect("compare a read model with the log beside one whose comparison fails", () =>
    Effect.gen(function* () {
      yield* filled
      const events = yield* EventStore
      const rows = yield* ReadModelStore
      const { mismatchOf } = yield* SharedCalls.make(
        {
          ...events,
          verify: (given) =>
            typeof given === "object" && given.position === LOST
              ? Effect.fail(new EventStoreError({ operation: "verify", cause: "a lost page" }))
              : events.verify(given)
        },
        rows
      )
      const [answer, failure] = yield* both((name) =>
        Effect.flatMap(rows.states(name), ([state]) =>
          state === undefined
            ? Effect.die(`no ${name}`)
            : mismatchOf(name === ofBroken.name ? { ...state, checkpoints: [LOST] } : state)
        )
      )
      assert.deepStrictEqual(answer, Exit.succeed(undefined))
      assert.include(String(failure), "a lost page")
    }).pipe(Effect.scoped, Effect.provide(stores))
  )
})
