import * as Health from "@daybook/http/Health"
import { Projections } from "@daybook/projections/Projections"
import * as ReadModelStoreMemory from "@daybook/projections/ReadModelStoreMemory"
import { CommandHandler } from "@daybook/store/CommandHandler"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import { Closing } from "../src/internal/closing.ts"
import { judge } from "../src/internal/readModelHealth.ts"
import { answering } from "./answering.ts"
import { book, Command, loans, readers } from "./library.ts"

const passing = Health.succeeds("passing", Effect.void)

/** A check that counts its looks, each of which waits for the latch. */
const counting = (latch = Latch.makeUnsafe(true)) => {
  const counted = { looks: 0 }
  const look = Effect.andThen(
    Effect.sync(() => counted.looks++),
    // A query on a connection that stalls can't be interrupted.
    Effect.uninterruptible(latch.await)
  )
  return { counted, latch, check: Health.succeeds("counting", look) }
}

describe("the health of a host", () => {
  it.effect("is asked without a look whether it lives", () =>
    Effect.gen(function* () {
      const { check, counted } = counting()
      const get = yield* answering(Health.layer({ checks: [check] }))
      const { headers, text, status } = yield* get("/health/live")
      assert.strictEqual(status, 200)
      assert.deepStrictEqual(JSON.parse(text), { status: "live" })
      assert.strictEqual(headers["cache-control"], "no-store")
      assert.strictEqual(counted.looks, 0)
    })
  )

  it.effect("is ready if every check passes, and tells their facts", () =>
    Effect.gen(function* () {
      const facts = { name: "facts", look: Effect.succeed({ passes: true, facts: { lag: 3 } }) }
      const get = yield* answering(Health.layer({ checks: [passing, facts] }))
      const { headers, text, status } = yield* get("/health/ready")
      assert.strictEqual(status, 200)
      assert.strictEqual(headers["cache-control"], "no-store")
      assert.deepStrictEqual(JSON.parse(text), {
        status: "ready",
        checks: [
          { name: "passing", status: "pass" },
          { name: "facts", status: "pass", facts: { lag: 3 } }
        ]
      })
    })
  )

  it.effect("S36: is unready if a check fails, and keeps the cause in its log", () =>
    Effect.gen(function* () {
      const logged: Array<string> = []
      const logger = Logger.make(({ cause, message }) => {
        logged.push(`${String(message)} ${String(cause)}`)
      })
      let isUp = false
      const secret = "postgres://shop:secret@10.0.0.7/orders"
      const database = Health.succeeds(
        "database",
        Effect.suspend(() => (isUp ? Effect.void : Effect.fail(new Error(secret))))
      )
      yield* Effect.gen(function* () {
        const get = yield* answering(Health.layer({ checks: [passing, database] }))
        for (const _ of [1, 2]) {
          const { status, text } = yield* get("/health/ready")
          assert.strictEqual(status, 503)
          assert.deepStrictEqual(JSON.parse(text), {
            status: "unready",
            checks: [
              { name: "passing", status: "pass" },
              { name: "database", status: "fail" }
            ]
          })
          assert.notInclude(text, "10.0.0.7")
          yield* TestClock.adjust("1 second")
        }
        isUp = true
        assert.strictEqual((yield* get("/health/ready")).status, 200)
      }).pipe(Effect.provide(Logger.layer([logger])))
      assert.lengthOf(logged, 2)
      assert.include(logged[0], "database is not ready")
      assert.include(logged[0], secret)
      assert.include(logged[1], "database is ready again")
    })
  )

  it.effect("logs of a look what needs attention alone", () =>
    Effect.gen(function* () {
      const logged: Array<unknown> = []
      const logger = Logger.make(({ message }) => {
        logged.push(message)
      })
      const telling = Health.succeeds(
        "telling",
        Effect.andThen(Effect.logInfo("a newer schema"), Effect.logWarning("a fault"))
      )
      yield* answering(Health.layer({ checks: [telling] })).pipe(
        Effect.flatMap((get) => get("/health/ready")),
        Effect.provide(Logger.layer([logger]))
      )
      assert.deepStrictEqual(logged, [["a fault"]])
    })
  )

  it.effect("is unready if a look dies", () =>
    Effect.gen(function* () {
      const dying = Health.succeeds("dying", Effect.die(new Error("a fault")))
      const get = yield* answering(Health.layer({ checks: [dying] }))
      assert.strictEqual((yield* get("/health/ready")).status, 503)
    })
  )

  it.effect("S36: answers in time although a look hangs, and never has two looks at a time", () =>
    Effect.gen(function* () {
      const { check, counted, latch } = counting(Latch.makeUnsafe(false))
      const get = yield* answering(Health.layer({ checks: [passing, check] }))
      for (const _ of [1, 2, 3]) {
        const asked = yield* Effect.forkChild(get("/health/ready"))
        yield* TestClock.adjust("2 seconds")
        const { text, status } = yield* Fiber.join(asked)
        assert.strictEqual(status, 503)
        assert.deepStrictEqual(JSON.parse(text), {
          status: "unready",
          checks: [
            { name: "passing", status: "pass" },
            { name: "counting", status: "timeout" }
          ]
        })
        assert.strictEqual(counted.looks, 1)
        yield* TestClock.adjust("1 second")
      }
      latch.openUnsafe()
      yield* Effect.yieldNow
      assert.strictEqual((yield* get("/health/ready")).status, 200)
      assert.strictEqual(counted.looks, 2)
    })
  )

  it.effect("does not hold up the end of a host by a look that hangs", () =>
    Effect.gen(function* () {
      const { check, counted, latch } = counting(Latch.makeUnsafe(false))
      const scope = yield* Scope.make()
      const get = yield* Scope.provide(answering(Health.layer({ checks: [check] })), scope)
      const asked = yield* Effect.forkChild(get("/health/ready"))
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.join(asked)
      assert.strictEqual(counted.looks, 1)
      yield* Scope.close(scope, Exit.void)
      latch.openUnsafe()
    })
  )

  it.effect("waits for a look as long as its check says", () =>
    Effect.gen(function* () {
      const slow = {
        ...Health.succeeds("slow", Effect.sleep("4 seconds")),
        timeout: "5 seconds"
      } as const
      const get = yield* answering(Health.layer({ checks: [slow] }))
      const asked = yield* Effect.forkChild(get("/health/ready"))
      yield* TestClock.adjust("4 seconds")
      assert.strictEqual((yield* Fiber.join(asked)).status, 200)
    })
  )

  it.effect("S36: has one look for all that ask in a second", () =>
    Effect.gen(function* () {
      const { check, counted, latch } = counting(Latch.makeUnsafe(false))
      const get = yield* answering(Health.layer({ checks: [check] }))
      const asked = yield* Effect.forkChild(
        Effect.all(
          Array.from({ length: 100 }, () => get("/health/ready")),
          {
            concurrency: "unbounded"
          }
        )
      )
      yield* TestClock.adjust("1 second")
      latch.openUnsafe()
      assert.lengthOf(yield* Fiber.join(asked), 100)
      assert.strictEqual(counted.looks, 1)
      yield* TestClock.adjust("999 millis")
      yield* get("/health/ready")
      assert.strictEqual(counted.looks, 1)
      yield* TestClock.adjust("1 millis")
      yield* get("/health/ready")
      assert.strictEqual(counted.looks, 2)
    })
  )

  it.effect("keeps the answer of a look whose caller has left", () =>
    Effect.gen(function* () {
      const { check, counted, latch } = counting(Latch.makeUnsafe(false))
      const get = yield* answering(Health.layer({ checks: [check] }))
      const left = yield* Effect.forkChild(get("/health/ready"), { startImmediately: true })
      left.interruptUnsafe()
      yield* TestClock.adjust("500 millis")
      latch.openUnsafe()
      yield* Fiber.await(left)
      assert.strictEqual((yield* get("/health/ready")).status, 200)
      assert.strictEqual(counted.looks, 1)
    })
  )

  it.effect("is not ready while the host closes, and lives on", () =>
    Effect.gen(function* () {
      const closing = yield* Deferred.make<void>()
      const get = yield* answering(
        Health.layer({ checks: [passing] }).pipe(
          Layer.provide(Layer.succeed(Closing, Deferred.await(closing)))
        )
      )
      assert.strictEqual((yield* get("/health/ready")).status, 200)
      yield* Deferred.succeed(closing, undefined)
      yield* Effect.yieldNow
      const { text, status } = yield* get("/health/ready")
      assert.strictEqual(status, 503)
      assert.deepStrictEqual(JSON.parse(text), { status: "closing" })
      assert.strictEqual((yield* get("/health/live")).status, 200)
    })
  )
})

const stores = CommandHandler.layer.pipe(
  Layer.provideMerge(Projections.layer({ async: [loans, readers] })),
  Layer.provideMerge(Layer.merge(EventStoreMemory.layer, ReadModelStoreMemory.layer))
)

/** Executes a command, and lets the runner work until the statuses are so. */
const lendUntil = Effect.fnUntraced(function* (to: string, states: ReadonlyArray<string>) {
  const projections = yield* Projections
  const { execute } = yield* CommandHandler.for(book)
  yield* execute("1", Command.cases.Lend.make({ to }))
  return yield* Effect.promise(() => new Promise(setImmediate)).pipe(
    Effect.andThen(projections.statuses),
    Effect.repeat({ until: (all) => String(all.map(({ state }) => state)) === String(states) })
  )
})

describe("the health of stores", () => {
  it.effect("is that of a log and its read models", () =>
    Effect.gen(function* () {
      yield* lendUntil("Ada", ["up to date", "up to date"])
      const checks = [Health.store, Health.readModels({ lag: "10 seconds" })] as const
      const get = yield* answering(Health.layer({ checks }))
      const { text, status } = yield* get("/health/ready")
      assert.strictEqual(status, 200)
      assert.deepStrictEqual(JSON.parse(text), {
        status: "ready",
        checks: [
          { name: "store", status: "pass" },
          {
            name: "read-models",
            status: "pass",
            facts: { behind: 0, stopped: 0, lagSeconds: 0 }
          }
        ]
      })
    }).pipe(Effect.provide(stores))
  )

  it.effect("is good while an event has stopped a read model, unless that is refused", () =>
    Effect.gen(function* () {
      yield* lendUntil("Mallory", ["up to date", "stopped"])
      const lag = "10 seconds"
      const strict = yield* answering(
        Health.layer({ checks: [Health.readModels({ lag, refuseStopped: true })] })
      )
      const { text, status } = yield* strict("/health/ready")
      assert.strictEqual(status, 503)
      assert.deepStrictEqual(JSON.parse(text), {
        status: "unready",
        checks: [
          {
            name: "read-models",
            status: "fail",
            facts: { behind: 0, stopped: 1, lagSeconds: 0 }
          }
        ]
      })
      const mild = yield* answering(Health.layer({ checks: [Health.readModels({ lag })] }))
      assert.strictEqual((yield* mild("/health/ready")).status, 200)
    }).pipe(Effect.provide(stores))
  )

  it.effect("is bad while a read model lags more than allowed, unless it is paused", () =>
    Effect.gen(function* () {
      const [status] = yield* lendUntil("Ada", ["up to date", "up to date"])
      const limits = { lagMillis: 10_000, lagEvents: 100, refuseStopped: true }
      const lagging = { state: "catching up", lagMillis: 10_000, lagEvents: 100 } as const
      const passes = (change: Partial<typeof status>) => {
        assert.isDefined(status)
        return judge([{ ...status, ...lagging, ...change }], limits)
      }
      assert.deepStrictEqual(passes({}), {
        passes: true,
        facts: { behind: 0, stopped: 0, lagSeconds: 10 }
      })
      assert.deepStrictEqual(passes({ lagMillis: 10_001 }), {
        passes: false,
        facts: { behind: 1, stopped: 0, lagSeconds: 10 }
      })
      assert.isFalse(passes({ lagEvents: 101 }).passes)
      assert.isFalse(passes({ state: "waiting", lagEvents: 101 }).passes)
      assert.isTrue(passes({ state: "paused", lagEvents: 101 }).passes)
    }).pipe(Effect.provide(stores))
  )
})
