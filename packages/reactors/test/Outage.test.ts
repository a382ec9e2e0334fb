/**
 * A host that can't reach the rows of its group for longer than its lease, and then can again.
 */
import { Category } from "@daybook/kernel/StreamId"
import { ConsumerGroupsError } from "@daybook/reactors/ConsumerGroup"
import type { GroupDriver } from "@daybook/reactors/driver/GroupDriver"
import { EventStore } from "@daybook/store/EventStore"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import { assert, describe, it } from "@effect/vitest"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { make } from "../src/internal/group/service.ts"
import { driver as memory } from "../src/internal/memory/driver.ts"
import { appendAll, noteOf } from "./reactorCases.ts"

const category = Category.make("notes")
const group = { name: "outage", categories: [category] }

const world = Effect.gen(function* () {
  const rows = memory()
  let outage: "none" | "fails" | "hangs" = "none"
  // The turns of an outage take effect, but their answers are lost.
  const seen: GroupDriver = {
    ...rows,
    tick: (name, host) =>
      Effect.flatMap(rows.tick(name, host), (ticked) =>
        outage === "none"
          ? Effect.succeed(ticked)
          : outage === "hangs"
            ? Effect.never
            : Effect.fail(new ConsumerGroupsError({ operation: "tick", cause: "no connection" }))
      )
  }
  return {
    groups: yield* make(seen),
    set: (next: typeof outage) => Effect.sync(() => void (outage = next))
  }
})

const stores = Layer.mergeAll(
  EventStoreMemory.layer,
  TestClock.layer(),
  SecureRandom.layerWebCrypto
)

describe("A host after an outage", () => {
  it.live(
    "begins a range again under another epoch, after its former consumer has ended",
    () =>
      Effect.gen(function* () {
        const { groups, set } = yield* world
        yield* EventStore
        const log: Array<string> = []
        const epochs: Array<number> = []
        yield* appendAll(category, "a1", "a2")
        yield* Effect.forkScoped(
          groups.run(group, (assignment) =>
            Effect.suspend(() => {
              const life = epochs.push(assignment.epoch)
              log.push(`${life} begins`)
              return Stream.runForEach(assignment.pages, ({ checkpoint, events }) =>
                Effect.gen(function* () {
                  for (const event of events) log.push(`${life} ${noteOf(event)}`)
                  // A consumer that still commits while it ends.
                  if (life === 1) {
                    yield* Effect.onInterrupt(Effect.never, () =>
                      Effect.andThen(
                        Effect.sleep(5_000),
                        Effect.ignore(assignment.commit(checkpoint))
                      )
                    )
                  }
                })
              ).pipe(Effect.ensuring(Effect.sync(() => log.push(`${life} ends`))))
            })
          )
        )
        yield* TestClock.adjust(1_500)
        assert.deepStrictEqual(log, ["1 begins", "1 a1", "1 a2"])
        yield* set("fails")
        yield* TestClock.adjust(4_000)
        yield* set("none")
        yield* TestClock.adjust(3_000)
        assert.deepStrictEqual(log, ["1 begins", "1 a1", "1 a2"])
        yield* TestClock.adjust(4_000)
        assert.deepStrictEqual(log, ["1 begins", "1 a1", "1 a2", "1 ends", "2 begins"])
        assert.strictEqual(new Set(epochs).size, 2)
      }).pipe(Effect.scoped, Effect.provide(stores)),
    20_000
  )

  it.live(
    "measures its leases by a clock that no one sets",
    () =>
      Effect.gen(function* () {
        const { groups, set } = yield* world
        const clock = yield* Clock.clockWith(Effect.succeed)
        let offset = 0
        const nanos = () => BigInt(offset) * 1_000_000n
        const wrong: Clock.Clock = {
          sleep: (duration) => clock.sleep(duration),
          currentTimeMillisUnsafe: () => clock.currentTimeMillisUnsafe() + offset,
          currentTimeMillis: Effect.sync(() => clock.currentTimeMillisUnsafe() + offset),
          currentTimeNanosUnsafe: () => clock.currentTimeNanosUnsafe() + nanos(),
          currentTimeNanos: Effect.sync(() => clock.currentTimeNanosUnsafe() + nanos()),
          monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe(),
          monotonicTimeNanos: Effect.sync(() => clock.monotonicTimeNanosUnsafe())
        }
        let running = 0
        yield* Effect.forkScoped(
          groups
            .run(group, () =>
              Effect.acquireUseRelease(
                Effect.sync(() => running++),
                () => Effect.never,
                () => Effect.sync(() => running--)
              )
            )
            .pipe(Effect.provideService(Clock.Clock, wrong))
        )
        yield* TestClock.adjust(1_500)
        assert.strictEqual(running, 1)
        yield* set("fails")
        offset = -3_600_000
        yield* TestClock.adjust(4_000)
        assert.strictEqual(running, 0)
      }).pipe(Effect.scoped, Effect.provide(stores)),
    20_000
  )

  it.live(
    "leaves in a bounded time when the rows do not answer",
    () =>
      Effect.gen(function* () {
        const { groups, set } = yield* world
        const fiber = yield* Effect.forkScoped(groups.run(group, () => Effect.never))
        yield* TestClock.adjust(100)
        yield* set("hangs")
        fiber.interruptUnsafe()
        yield* TestClock.adjust(10_000)
        assert.isDefined(fiber.pollUnsafe())
      }).pipe(Effect.scoped, Effect.provide(stores)),
    20_000
  )
})

describe("A host that joins ranges", () => {
  it.live(
    "goes on with a range whose neighbour is slow, and joins them later",
    () =>
      Effect.gen(function* () {
        const { groups } = yield* world
        const begun: Array<string> = []
        const finish = yield* Deferred.make<void>()
        let isSlow = false
        const host = groups.run(group, (assignment) =>
          Effect.gen(function* () {
            const { first, last } = assignment.range
            begun.push(`${first} to ${last}`)
            yield* Stream.runForEach(assignment.pages, ({ checkpoint }) =>
              assignment.commit(checkpoint)
            )
            if (isSlow && first > 0) yield* Deferred.await(finish)
          })
        )
        yield* Effect.forkScoped(host)
        const other = yield* Effect.forkScoped(host)
        const wait = (seconds: number) => Effect.replicateEffect(TestClock.adjust(1_000), seconds)
        yield* wait(5)
        assert.includeMembers(begun, ["0 to 511", "512 to 1023"])
        isSlow = true
        yield* Fiber.interrupt(other)
        begun.length = 0
        yield* wait(8)
        // The range of the other host begins, and is soon given up to be joined.
        assert.deepStrictEqual(begun, ["512 to 1023", "0 to 511"])
        yield* Deferred.succeed(finish, undefined)
        yield* wait(8)
        assert.strictEqual(begun.at(-1), "0 to 1023")
      }).pipe(Effect.scoped, Effect.provide(stores)),
    20_000
  )
})
