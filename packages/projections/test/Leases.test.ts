/**
 * The renewals of a host's claims on a store that answers late, in part or not at all.
 */
import { Projections } from "@daybook/projections/Projections"
import { ReadModelStoreError } from "@daybook/projections/ReadModelError"
import { ReadModelStore } from "@daybook/projections/ReadModelStore"
import * as ReadModelStoreMemory from "@daybook/projections/ReadModelStoreMemory"
import { RunnerSettings } from "@daybook/projections/RunnerSettings"
import type { Renewal, Renewed } from "@daybook/projections/driver/ReadModelGeneration"
import { CommandHandler } from "@daybook/store/CommandHandler"
import type { EventStore } from "@daybook/store/EventStore"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import * as ChangeSignal from "../src/internal/runner/changeSignal.ts"
import * as Leases from "../src/internal/runner/leases.ts"
import * as LoopErrors from "../src/internal/runner/loopErrors.ts"
import { aggregateOf, takings } from "./Till.ts"

type Store = ReadModelStore["Service"]

const [one, other] = [aggregateOf("one"), aggregateOf("other")]
const models = [takings(one, "takings_one"), takings(other, "takings_other")] as const

/** Runs the read models with a lease of 30 seconds on a store whose calls a test can replace. */
const host = Effect.fnUntraced(function* (
  pollInterval: "1 second" | "7 seconds",
  replaced: (store: Store) => Partial<Store>
) {
  const store = yield* ReadModelStore
  const context = yield* Layer.build(Projections.layer({ async: models })).pipe(
    Effect.provideService(ReadModelStore, ReadModelStore.of({ ...store, ...replaced(store) })),
    Effect.provideService(RunnerSettings, { lease: "30 seconds", pollInterval, parallelism: 1 })
  )
  return Context.get(context, Projections)
})

const sell = Effect.fnUntraced(function* (till: typeof one) {
  const handler = yield* CommandHandler
  const sold = { _tag: "Sell", product: "tea", cents: 100 } as const
  return (yield* handler.execute(till, "1", sold)).position
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

/** Passes virtual time in pieces, so that every fiber runs until it waits between two of them. */
const pass = (seconds: number) =>
  Effect.replicateEffect(
    Effect.andThen(
      TestClock.adjust("100 millis"),
      Effect.replicateEffect(Effect.yieldNow, 30, { discard: true })
    ),
    seconds * 10,
    { discard: true }
  )

const checkpointOf = Effect.fnUntraced(function* (name: (typeof models)[number]["name"]) {
  const [state] = yield* (yield* ReadModelStore).states(name)
  return state?.checkpoints[0]
})

describe("The claims of a host", () => {
  it.effect("end after the lease if no renewal is answered, and their steps go on until then", () =>
    run(
      Effect.gen(function* () {
        const counts = { claim: 0, renew: 0 }
        yield* host("1 second", (store) => ({
          claim: (...asked) =>
            Effect.tap(store.claim(...asked), (claim) =>
              Effect.sync(() => {
                if (Option.isSome(claim)) counts.claim++
              })
            ),
          renew: () =>
            Effect.suspend(() => {
              counts.renew++
              return Effect.never
            })
        }))
        yield* pass(0.5)
        yield* sell(one)
        // The renewal that would move the checkpoint of the other has the permit for it.
        yield* pass(1)
        assert.deepStrictEqual(counts, { claim: 2, renew: 1 })
        const position = yield* sell(other)
        yield* pass(10)
        assert.strictEqual(yield* checkpointOf(models[1].name), position)
        yield* pass(18)
        assert.strictEqual(counts.claim, 2)
        yield* pass(15)
        assert.strictEqual(counts.claim, 4)
        const last = yield* sell(other)
        yield* pass(12)
        assert.strictEqual(yield* checkpointOf(models[1].name), last)
      })
    )
  )

  it.effect(
    "leave the error of a loop that has ended its claim, however late they are renewed",
    () =>
      run(
        Effect.gen(function* () {
          const errors = LoopErrors.make()
          const answer = yield* Deferred.make<ReadonlyArray<Renewed>>()
          const lease = Duration.seconds(30)
          const leases = yield* Leases.make({
            changes: ChangeSignal.make(),
            errors,
            lease,
            pollInterval: lease,
            store: { ...(yield* ReadModelStore), renew: () => Deferred.await(answer) }
          })
          const [{ name }] = models
          const claim = { name, generation: 1, epoch: 1, lease }
          const kept = yield* Effect.forkChild(
            leases.keeping({ claim, loop: "serving" }, Effect.never),
            { startImmediately: true }
          )
          yield* pass(11)
          yield* Fiber.interrupt(kept)
          const cause = Object.assign(new Error("connection failure"), { code: "08006" })
          const outage = new ReadModelStoreError({ operation: "advance", cause })
          yield* errors.failed(name, "serving", Cause.fail(outage))
          yield* Deferred.succeed(answer, ["renewed"])
          yield* pass(1)
          assert.strictEqual(errors.of(name, "serving")?.message, outage.message)
        })
      )
  )

  it.effect("outlast a change of the host that has the only connection, and end without one", () =>
    run(
      Effect.gen(function* () {
        const lease = Duration.seconds(30)
        const leases = yield* Leases.make({
          changes: ChangeSignal.make(),
          errors: LoopErrors.make(),
          lease,
          pollInterval: lease,
          store: { ...(yield* ReadModelStore), renew: () => Effect.never }
        })
        const claim = { name: models[0].name, generation: 1, epoch: 1, lease }
        const changed = yield* Effect.forkChild(
          leases.keeping({ claim, loop: "serving" }, leases.changing(Effect.sleep("5 minutes"))),
          { startImmediately: true }
        )
        yield* pass(301)
        assert.isTrue(Exit.isSuccess(yield* Fiber.await(changed)))
        const idle = yield* Effect.forkChild(
          leases.keeping({ claim, loop: "serving" }, Effect.never),
          { startImmediately: true }
        )
        yield* pass(90)
        assert.isTrue(Exit.isFailure(yield* Fiber.await(idle)))
      })
    )
  )

  it.effect("survive a store whose renewal throws", () =>
    run(
      Effect.gen(function* () {
        let thrown = 0
        yield* host("1 second", (store) => ({
          renew: (renewals) => {
            if (thrown++ < 3) throw new Error("a broken driver")
            return store.renew(renewals)
          }
        }))
        yield* pass(0.5)
        const position = yield* sell(one)
        yield* pass(6)
        assert.strictEqual(yield* checkpointOf(models[1].name), position)
      })
    )
  )

  it.effect(
    "are renewed when a third of the lease has passed, and busy ones at the next poll",
    () =>
      run(
        Effect.gen(function* () {
          const renewals: Array<readonly [seconds: number, names: ReadonlyArray<string>]> = []
          const record = (asked: ReadonlyArray<Renewal>) =>
            Effect.map(Clock.currentTimeMillis, (now) =>
              renewals.push([Math.floor(now / 1_000), asked.map(({ claim }) => claim.name)])
            )
          yield* host("7 seconds", (store) => ({
            renew: (asked) =>
              Effect.flatMap(record(asked), (count) =>
                Effect.map(store.renew(asked), (outcomes) =>
                  count === 1
                    ? outcomes.map((outcome, n) => (n === 0 ? outcome : "busy"))
                    : outcomes
                )
              )
          }))
          yield* pass(31)
          const names = models.map(({ name }) => name)
          assert.deepStrictEqual(renewals, [
            [10, names],
            [17, names.slice(1)],
            [20, names],
            [30, names]
          ])
        })
      )
  )
})
