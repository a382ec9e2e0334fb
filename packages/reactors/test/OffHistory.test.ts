/**
 * Groups whose log was replaced, and hosts whose store of groups does not answer.
 */
import { Category } from "@daybook/kernel/StreamId"
import { ConsumerGroupsError } from "@daybook/reactors/ConsumerGroup"
import type { Assignment } from "@daybook/reactors/ConsumerGroups"
import type { GroupDriver } from "@daybook/reactors/driver/GroupDriver"
import { EventStore } from "@daybook/store/EventStore"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import { assert, it } from "@effect/vitest"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { make } from "../src/internal/group/service.ts"
import { driver } from "../src/internal/memory/driver.ts"
import { append } from "./reactorCases.ts"

const category = Category.make("restored")
const group = { name: "restored", categories: [category] }

const on = (events: EventStore["Service"], rows: GroupDriver) =>
  make(rows).pipe(
    Effect.provideService(EventStore, events),
    Effect.provide(SecureRandom.layerWebCrypto)
  )

/** Commits until an event was handled. */
const untilOne = (handled: Deferred.Deferred<void>) => (assignment: Assignment) =>
  Stream.runForEach(assignment.pages, ({ checkpoint, events }) =>
    Effect.andThen(
      assignment.commit(checkpoint),
      events.length > 0 ? Deferred.succeed(handled, undefined) : Effect.void
    )
  )

it.effect("A group stands still when its log is another one, until it is restarted", () =>
  Effect.gen(function* () {
    const rows = driver()
    const [one, other] = [yield* EventStoreMemory.make, yield* EventStoreMemory.make]
    const handled = Deferred.makeUnsafe<void>()
    const before = yield* on(one, rows)
    yield* Effect.forkScoped(before.run(group, untilOne(handled)))
    yield* append(category, "a", 1).pipe(Effect.provideService(EventStore, one))
    yield* Deferred.await(handled)

    const after = yield* on(other, rows)
    const { mismatch, state } = yield* after.status(group.name)
    assert.deepStrictEqual([state, mismatch._tag], ["off history", "Some"])
    yield* before.restart(group.name, { from: "now" })
    const again = Deferred.makeUnsafe<void>()
    yield* TestClock.adjust("10 seconds")
    const error = yield* Effect.flip(
      Effect.raceFirst(
        after.run(group, untilOne(again)),
        Effect.andThen(TestClock.adjust("10 seconds"), Effect.never)
      )
    )
    assert.strictEqual(error._tag, "GroupOffHistory")

    yield* after.restart(group.name, { from: "beginning" })
    yield* append(category, "a", 1).pipe(Effect.provideService(EventStore, other))
    yield* Effect.forkScoped(after.run(group, untilOne(again)))
    yield* Effect.raceFirst(Deferred.await(again), Effect.forever(TestClock.adjust("1 second")))
  }).pipe(Effect.scoped)
)

it.effect("A host stops its consumers when it could not renew for as long as the lease", () =>
  Effect.gen(function* () {
    const rows = driver()
    let isDown = false
    const failing: GroupDriver = {
      ...rows,
      tick: (name, host) =>
        isDown
          ? Effect.fail(new ConsumerGroupsError({ operation: "tick", cause: "down" }))
          : rows.tick(name, host)
    }
    const groups = yield* on(yield* EventStoreMemory.make, failing)
    const marks: Array<string> = []
    yield* Effect.forkScoped(
      groups.run(group, () =>
        Effect.sync(() => marks.push("begun")).pipe(
          Effect.andThen(Effect.never),
          Effect.onInterrupt(() => Effect.sync(() => marks.push("ended")))
        )
      )
    )
    yield* TestClock.adjust("1 second")
    isDown = true
    yield* TestClock.adjust("2900 millis")
    assert.deepStrictEqual(marks, ["begun"])
    yield* TestClock.adjust("100 millis")
    assert.deepStrictEqual(marks, ["begun", "ended"])
    isDown = false
    yield* TestClock.adjust("3 seconds")
    assert.deepStrictEqual(marks, ["begun", "ended", "begun"])
  }).pipe(Effect.scoped)
)
