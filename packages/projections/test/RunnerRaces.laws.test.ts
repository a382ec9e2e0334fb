/**
 * Two hosts that both believe they hold the claim on a read model: fast-check chooses the order of
 * their calls to the store, and their leases have always run out.
 */
import { Projections } from "@daybook/projections/Projections"
import * as OnDemandProjection from "@daybook/projections/OnDemandProjection"
import * as ReadModel from "@daybook/projections/ReadModel"
import type { Claim } from "@daybook/projections/driver/ReadModelGeneration"
import { ReadModelStore } from "@daybook/projections/ReadModelStore"
import * as ReadModelStoreMemory from "@daybook/projections/ReadModelStoreMemory"
import { defaults, RunnerSettings } from "@daybook/projections/RunnerSettings"
import { CommandHandler } from "@daybook/store/CommandHandler"
import { EventStore } from "@daybook/store/EventStore"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import fc from "fast-check"
import { aggregateOf, products } from "./Till.ts"

/** Lets the fibers of the hosts run to their next call. */
const othersRun = Effect.replicateEffect(Effect.yieldNow, 20, { discard: true })

/** Makes the store of a host whose calls wait for their turn. */
const taking = (
  rows: ReadModelStore["Service"],
  turn: (label: string) => Effect.Effect<void>,
  host: string
): ReadModelStore["Service"] => ({
  ...rows,
  claim: (of, owner, lease, despite) =>
    Effect.andThen(turn(`${host} claims`), rows.claim(of, owner, lease, despite)),
  // Like a paused process, the host does not learn that it has lost the claim.
  renew: (renewals) => Effect.succeed(renewals.map(() => "busy" as const)),
  skipped: (name) => Effect.andThen(turn(`${host} has claimed`), rows.skipped(name)),
  advance: (table, claim, step) =>
    Effect.andThen(turn(`${host} steps`), rows.advance(table, claim, step))
})

const race = Effect.fnUntraced(function* (
  scheduler: fc.Scheduler,
  make: Effect.Effect<ReadModelStore["Service"]>
) {
  const till = aggregateOf("till")
  const projection = products(till, "products")
  const events = yield* EventStoreMemory.make
  const rows = yield* make
  const handling = yield* Layer.build(
    Layer.fresh(CommandHandler.layer.pipe(Layer.provide(Layer.succeed(EventStore, events))))
  )
  const handler = Context.get(handling, CommandHandler)
  const sell = (n: number) =>
    handler.execute(till, `${n % 3}`, { _tag: "Sell", product: `p${n % 2}`, cents: n })
  let over = false
  const turn = (label: string) =>
    Effect.suspend(() => {
      if (over) return Effect.void
      return Effect.promise(() => scheduler.schedule(Promise.resolve(), label))
    })
  const host = (name: string) =>
    Layer.build(
      Layer.fresh(Projections.layer({ async: [projection] })).pipe(
        Layer.provide(
          Layer.mergeAll(
            Layer.succeed(EventStore, events),
            Layer.succeed(ReadModelStore, taking(rows, turn, name))
          )
        )
      )
    ).pipe(
      Effect.map((context) => Context.get(context, Projections)),
      // Any host that claims takes over.
      Effect.provideService(RunnerSettings, { ...defaults, lease: 0, pollInterval: "1 millis" })
    )
  yield* sell(1)
  yield* sell(2)
  const one = yield* host("one")
  yield* host("other")
  // The clerk takes turns with the hosts, so that there are always new events.
  const work = Effect.forEach(
    Array.from({ length: 12 }, (_, n) => n + 3),
    (n) => Effect.andThen(othersRun, Effect.andThen(turn("a clerk sells"), sell(n))),
    { discard: true }
  )
  yield* Effect.promise(() => scheduler.waitFor(Effect.runPromise(work)))
  // The remaining calls run in any order.
  over = true
  yield* Effect.promise(() => scheduler.waitAll())
  const head = yield* events.head
  yield* one.waitFor("products", head, "20 seconds")
  const stores = Layer.merge(Layer.succeed(EventStore, events), Layer.succeed(ReadModelStore, rows))
  const [kept, onDemand] = yield* Effect.all([
    Stream.runCollect(ReadModel.query(projection)),
    OnDemandProjection.tableAt(projection)
  ]).pipe(Effect.provide(stores))
  assert.sameDeepMembers(Array.from(kept), Array.from(onDemand))
}, Effect.scoped)

describe("Two hosts that both keep a read model", () => {
  it("leave the rows of a fold, in whatever order their calls come", () =>
    fc.assert(
      fc.asyncProperty(fc.scheduler(), (scheduler) =>
        Effect.runPromise(race(scheduler, ReadModelStoreMemory.make))
      ),
      { numRuns: 40 }
    ))

  it("do not where a step does not look at the claim", async () => {
    const unfenced = Effect.map(ReadModelStoreMemory.make, (rows): ReadModelStore["Service"] => {
      /** Takes the claim, and pretends that the checkpoint is at the host's position. */
      const pretending = Effect.fnUntraced(function* (claim: Claim, partition: number) {
        const [state] = yield* rows.states(claim.name)
        const newest = yield* rows.claim(claim, "whoever", claim.lease)
        return Option.map(newest, (held) => ({ held, from: state?.checkpoints[partition] }))
      })
      return {
        ...rows,
        load: Effect.fnUntraced(function* (table, claim, step) {
          const taken = yield* pretending(claim, step.partition)
          if (Option.isNone(taken)) return new Map()
          const { from = step.from, held } = taken.value
          return yield* rows.load(table, held, { ...step, from })
        }),
        advance: Effect.fnUntraced(function* (table, claim, step) {
          const taken = yield* pretending(claim, step.partition)
          if (Option.isNone(taken)) return
          const { from = step.from, held } = taken.value
          yield* rows.advance(table, held, { ...step, from })
        })
      }
    })
    const failure = await fc
      .assert(
        fc.asyncProperty(fc.scheduler(), (scheduler) =>
          Effect.runPromise(race(scheduler, unfenced))
        ),
        { numRuns: 100 }
      )
      .then(
        () => undefined,
        (error: unknown) => String(error)
      )
    assert.include(failure, "seed")
  })
})
