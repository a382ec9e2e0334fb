/**
 * A host that gets no answers to the renewals of its leases, although they take effect.
 */
import { Category } from "@daybook/kernel/StreamId"
import { ConsumerGroupsError } from "@daybook/reactors/ConsumerGroup"
import { ConsumerGroups, GroupSettings } from "@daybook/reactors/ConsumerGroups"
import * as ConsumerGroupsMemory from "@daybook/reactors/ConsumerGroupsMemory"
import { ReactorSchema } from "@daybook/reactors/ReactorSchema"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import { PostgresSchema } from "@daybook/store/PostgresSchema"
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { SqlClient } from "effect/sql/SqlClient"
import * as Stream from "effect/Stream"
import type { GroupDriver } from "../src/driver/GroupDriver.ts"
import * as Database from "../src/internal/postgres/database.ts"
import { driver as postgresDriver } from "../src/internal/postgres/driver.ts"
import { embedded, server } from "./postgresLayers.ts"
import { appendAll, noteOf } from "./reactorCases.ts"

const category = Category.make("doubted")

const inPostgres = Effect.gen(function* () {
  const settings = yield* GroupSettings
  return postgresDriver(
    Database.make(yield* SqlClient, {
      schema: yield* ReactorSchema,
      log: yield* PostgresSchema,
      lease: Duration.toMillis(Duration.fromInputUnsafe(settings.lease))
    })
  )
})

/** Lets a host handle events before and after its renewals stay without an answer. */
const handled = Effect.fnUntraced(function* (driver: GroupDriver) {
  let isLost = false
  const frail: GroupDriver = {
    ...driver,
    tick: (name, host) =>
      Effect.filterOrFail(
        driver.tick(name, host),
        () => !isLost,
        () => new ConsumerGroupsError({ operation: "tick", cause: "the answer is lost" })
      )
  }
  const notes: Array<string> = []
  let begun = 0
  const interrupted = Deferred.makeUnsafe<void>()
  const upTo = (count: number) =>
    Effect.repeat(
      Effect.sync(() => notes.length),
      { until: (length) => length >= count, schedule: Schedule.spaced("5 millis") }
    )
  yield* Effect.gen(function* () {
    const groups = yield* ConsumerGroups
    yield* Effect.forkScoped(
      groups.run({ name: "doubted", categories: [category] }, (assignment) => {
        begun++
        return Stream.runForEach(assignment.pages, ({ checkpoint, events }) =>
          // What is committed is noted, also by a consumer that is being interrupted.
          Effect.uninterruptible(
            Effect.map(assignment.commit(checkpoint), () => notes.push(...events.map(noteOf)))
          )
        ).pipe(Effect.onInterrupt(() => Deferred.succeed(interrupted, undefined)))
      })
    )
    yield* appendAll(category, "a1", "a2", "a3")
    yield* upTo(3)
    isLost = true
    yield* Deferred.await(interrupted)
    isLost = false
    yield* appendAll(category, "a4")
    yield* upTo(4)
  }).pipe(
    Effect.provide(ConsumerGroupsMemory.layerOn(frail)),
    Effect.provideService(GroupSettings, { lease: "300 millis" }),
    Effect.scoped
  )
  return { notes, begun }
})

const check = ({ begun, notes }: Effect.Success<ReturnType<typeof handled>>) => {
  assert.deepStrictEqual(notes, ["a1", "a2", "a3", "a4"])
  assert.isAbove(begun, 1)
}

describe("A host whose renewals take effect without an answer", { timeout: 120_000 }, () => {
  it.live("goes on after its last commit, in memory", () =>
    Effect.map(handled(ConsumerGroupsMemory.makeDriver()), check).pipe(
      Effect.provide(EventStoreMemory.layer)
    )
  )

  it.live("goes on after its last commit, on a server", () =>
    Effect.map(Effect.flatMap(inPostgres, handled), check).pipe(Effect.provide(server))
  )

  it.live("goes on after its last commit, embedded", () =>
    Effect.map(Effect.flatMap(inPostgres, handled), check).pipe(Effect.provide(embedded))
  )
})
