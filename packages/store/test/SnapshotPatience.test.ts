/**
 * The patience of a handler with snapshots: how long it waits, and how often it warns that it got
 * none.
 */
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import * as SnapshotPolicy from "@daybook/store/SnapshotPolicy"
import { SnapshotStore, SnapshotStoreError, UncountedWait } from "@daybook/store/SnapshotStore"
import { assert, layer } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as TestClock from "effect/testing/TestClock"
import { balance, counters, fresh, measured, snapshotting } from "./handlerHarness.ts"

type Load = SnapshotStore["Service"]["load"]

const storeThat = (load: Load) =>
  Layer.succeed(
    SnapshotStore,
    SnapshotStore.of({
      load,
      save: () => Effect.void,
      prune: () => Effect.void,
      delete: () => Effect.void
    })
  )

/** A handler that reads snapshots and takes none. */
const readingFrom = (load: Load) =>
  snapshotting(SnapshotPolicy.never).pipe(Layer.provide(storeThat(load)))

const unreadable = Effect.map(counters, (counts) =>
  counts.get("daybook_snapshots_ignored account unreadable")
)

/** Collects the log from warnings on, a line each, with the reasons of its cause. */
const collecting = (lines: Array<string>) =>
  Logger.layer([
    Logger.make(({ cause, logLevel, message }) =>
      lines.push(`${logLevel}: ${String(message)} (${cause.reasons.length})`)
    )
  ])

const settle = Effect.replicateEffect(Effect.yieldNow, 50, { discard: true })

layer(EventStoreMemory.layer)("Reading snapshots", (it) => {
  it.effect("gives one up after 5 seconds, not counting the wait before it could begin", () =>
    Effect.gen(function* () {
      const id = yield* fresh
      const connection = yield* Deferred.make<void>()
      const waiting = yield* Deferred.make<void>()
      const load: Load = () =>
        Effect.gen(function* () {
          const uncounted = yield* UncountedWait
          yield* uncounted(
            Effect.andThen(Deferred.succeed(waiting, undefined), Deferred.await(connection))
          )
          return yield* Effect.never
        })
      yield* Effect.gen(function* () {
        const looking = yield* Effect.forkChild(balance(id))
        yield* Deferred.await(waiting)
        yield* settle
        yield* TestClock.adjust("1 hour")
        assert.isUndefined(yield* unreadable)
        yield* Deferred.succeed(connection, undefined)
        yield* settle
        yield* TestClock.adjust("4999 millis")
        assert.isUndefined(yield* unreadable)
        yield* TestClock.adjust("1 millis")
        assert.deepStrictEqual(yield* Fiber.join(looking), [0, 0])
        assert.strictEqual(yield* unreadable, 1)
      }).pipe(Effect.provide(readingFrom(load)), Effect.provide(Logger.layer([])))
    }).pipe(measured)
  )

  it.effect("gives one up after 5 seconds whose interruption takes longer", () =>
    Effect.gen(function* () {
      const id = yield* fresh
      const waiting = yield* Deferred.make<void>()
      // Like a query whose cancellation the server does not answer.
      const load: Load = () =>
        Effect.uninterruptible(
          Effect.andThen(Deferred.succeed(waiting, undefined), Effect.sleep("1 hour"))
        ).pipe(Effect.andThen(Effect.never))
      yield* Effect.gen(function* () {
        const looking = yield* Effect.forkChild(balance(id))
        yield* Deferred.await(waiting)
        yield* settle
        yield* TestClock.adjust("5 seconds")
        yield* settle
        assert.deepStrictEqual(looking.pollUnsafe(), Exit.succeed([0, 0]))
      }).pipe(Effect.provide(readingFrom(load)), Effect.provide(Logger.layer([])))
    }).pipe(measured)
  )

  it.effect("warns in a line, and of those that follow in a line with their number", () =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      const lost = new SnapshotStoreError({
        operation: "load",
        cause: new Error("Query failed", { cause: new Error("connection lost") })
      })
      yield* Effect.gen(function* () {
        const ids = Array.from({ length: 1_000 }, (_, n) => `burst${n}`)
        yield* Effect.forEach(ids, balance, { concurrency: "unbounded" })
        assert.deepStrictEqual(lines, [
          "Warn: A snapshot of account-burst0 could not be read: connection lost (0)"
        ])
        yield* TestClock.adjust("10 seconds")
        assert.deepStrictEqual(lines.slice(1), [
          "Warn: 999 more snapshots could not be read within 10s, the last of account-burst999: connection lost (0)"
        ])
        // A burst that continues.
        yield* balance("burst1000")
        assert.lengthOf(lines, 2)
        yield* TestClock.adjust("10 seconds")
        yield* TestClock.adjust("10 seconds")
        assert.deepStrictEqual(lines.slice(2), [
          "Warn: 1 more snapshots could not be read within 10s, the last of account-burst1000: connection lost (0)"
        ])
        // Another burst, later.
        yield* Effect.forEach(["later1", "later2", "later3"], balance)
        assert.deepStrictEqual(lines.slice(3), [
          "Warn: A snapshot of account-later1 could not be read: connection lost (0)"
        ])
      }).pipe(
        Effect.provide(readingFrom(() => Effect.fail(lost))),
        Effect.provide(collecting(lines))
      )
      // The count is logged when the handler is closed.
      assert.deepStrictEqual(lines.slice(4), [
        "Warn: 2 more snapshots could not be read within 10s, the last of account-later3: connection lost (0)"
      ])
    }).pipe(measured)
  )
})
