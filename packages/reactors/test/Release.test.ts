/**
 * A key that is released while its earlier events are handled again, on a test clock.
 */
import { Category } from "@daybook/kernel/StreamId"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import { ConsumerGroups } from "@daybook/reactors/ConsumerGroups"
import * as ConsumerGroupsMemory from "@daybook/reactors/ConsumerGroupsMemory"
import * as Reactor from "@daybook/reactors/Reactor"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as TestClock from "effect/testing/TestClock"
import { consume } from "../src/internal/reactor/consume.ts"
import { appendAll, noteOf } from "./reactorCases.ts"

const category = Category.make("notes")

const stores = ConsumerGroupsMemory.layer.pipe(
  Layer.provideMerge(EventStoreMemory.layer),
  Layer.provideMerge(TestClock.layer())
)

describe("A release", () => {
  it.live("waits for the earlier events of its key that a crash repeats", () =>
    Effect.gen(function* () {
      const groups = yield* ConsumerGroups
      const log: Array<string> = []
      const hosted = (react: (event: RecordedEvent) => Effect.Effect<void, unknown>) => {
        const reactor = Reactor.make({
          name: "repeated",
          categories: [category],
          onFailure: "park",
          retry: Schedule.recurs(0),
          react
        })
        return Effect.forkScoped(groups.run(reactor.group, consume(reactor)))
      }
      yield* appendAll(category, "b1", "a1", "a2")
      // The first event is never done, so the checkpoint stays before it.
      const first = yield* hosted((event) =>
        noteOf(event) === "b1"
          ? Effect.never
          : noteOf(event) === "a2"
            ? Effect.fail(new Error("a2 is broken"))
            : Effect.void
      )
      yield* TestClock.adjust(2_000)
      assert.lengthOf((yield* groups.status("repeated")).held, 1)
      yield* Fiber.interrupt(first)
      yield* groups.release("repeated")
      yield* hosted((event) =>
        Effect.gen(function* () {
          log.push(`${noteOf(event)} begins`)
          if (noteOf(event) === "a1") yield* Effect.sleep(10_000)
          log.push(`${noteOf(event)} ends`)
        })
      )
      for (let second = 0; second < 15; second++) yield* TestClock.adjust(1_000)
      assert.deepStrictEqual(
        log.filter((one) => one.startsWith("a")),
        ["a1 begins", "a1 ends", "a2 begins", "a2 ends"]
      )
      assert.deepStrictEqual((yield* groups.status("repeated")).held, [])
    }).pipe(Effect.scoped, Effect.provide(stores))
  )
})
