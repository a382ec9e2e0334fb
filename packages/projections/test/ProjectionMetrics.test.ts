import * as ProjectionMetrics from "@daybook/projections/ProjectionMetrics"
import { Projections } from "@daybook/projections/Projections"
import * as ReadModelStoreMemory from "@daybook/projections/ReadModelStoreMemory"
import { CommandHandler } from "@daybook/store/CommandHandler"
import { EventStore, EventStoreError } from "@daybook/store/EventStore"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import { assert, it } from "@effect/vitest"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as TestClock from "effect/testing/TestClock"
import { aggregateOf, takings, TillCommand } from "./Till.ts"

const till = aggregateOf("till")
const outage: { isOn: boolean; isSilent?: boolean } = { isOn: false }

/** An event store whose counts of events can be made to fail. */
const failing = Layer.effect(
  EventStore,
  Effect.map(EventStore, (store) =>
    EventStore.of({
      ...store,
      backlog: (options) =>
        Effect.suspend(() =>
          outage.isSilent === true
            ? // As a query on a connection that stalls: it has no answer, and can't be interrupted.
              Effect.uninterruptible(Effect.never)
            : outage.isOn
              ? Effect.fail(new EventStoreError({ operation: "backlog", cause: "an outage" }))
              : store.backlog(options)
        )
    })
  )
)

const host = Layer.merge(ProjectionMetrics.layer(), CommandHandler.layer).pipe(
  Layer.provideMerge(Projections.layer({ async: [takings(till, "takings")] })),
  Layer.provide(failing),
  Layer.provide(Layer.merge(EventStoreMemory.layer, ReadModelStoreMemory.layer))
)

/** Lets time pass, and what it has woken run. */
const pass = (time: Duration.Input) =>
  Effect.andThen(
    TestClock.adjust(time),
    Effect.replicateEffect(Effect.yieldNow, 50, { discard: true })
  )

const measured = Effect.map(Metric.snapshot, (metrics) =>
  metrics.flatMap(({ attributes, id, state }) =>
    ["daybook_projection_lag", "daybook_projection_s"].some((name) => id.startsWith(name))
      ? [[id.slice("daybook_projection_".length), ...Object.values(attributes ?? {}), state]]
      : []
  )
)

const of = (lag: { seconds: number; events: number }, present: string) => [
  ["lag_seconds", "takings", { value: lag.seconds }],
  ["lag_events", "takings", { value: lag.events }],
  ["shadow_stopped", "takings", { value: 0 }],
  ...["up to date", "catching up", "inline", "paused", "stopped", "waiting"].map((state) => [
    "state",
    "takings",
    state,
    { value: state === present ? 1 : 0 }
  ])
]

/** The next version of the takings, into which no event can be folded. */
const unfoldable = {
  ...takings(till, "takings", 2),
  apply: (): never => {
    throw new Error("can't fold")
  }
}

it.effect("measures that an event has stopped the rows which are being built", () =>
  Effect.gen(function* () {
    const stores = yield* Layer.build(
      Layer.merge(EventStoreMemory.layer, ReadModelStoreMemory.layer)
    )
    const hostOf = (projection: ReturnType<typeof takings>) =>
      Layer.build(
        Layer.merge(ProjectionMetrics.layer(), CommandHandler.layer).pipe(
          Layer.provideMerge(Projections.layer({ async: [projection] })),
          Layer.provide(Layer.succeedContext(stores))
        )
      )
    const shadow = Effect.map(measured, (all) =>
      all.find(([metric]) => metric === "shadow_stopped")
    )
    yield* Effect.gen(function* () {
      const { execute } = yield* CommandHandler.for(till)
      yield* execute("1", TillCommand.cases.Sell.make({ product: "tea", cents: 5 }))
      const first = yield* Effect.repeat(Effect.andThen(pass("10 seconds"), shadow), {
        until: (found) => found !== undefined
      })
      assert.deepStrictEqual(first, ["shadow_stopped", "takings", { value: 0 }])
    }).pipe((test) =>
      Effect.scoped(
        Effect.flatMap(hostOf(takings(till, "takings")), (built) => Effect.provide(test, built))
      )
    )

    yield* Effect.scoped(
      Effect.andThen(
        hostOf(unfoldable),
        Effect.repeat(Effect.andThen(pass("10 seconds"), shadow), {
          until: (found) => JSON.stringify(found?.at(-1)) === '{"value":1}'
        })
      )
    )
  }).pipe(Effect.scoped, (test) => Effect.provideService(test, Metric.MetricRegistry, new Map()))
)

it.effect("measures the lag of read models though nothing is folded, unless it can't", () =>
  Effect.gen(function* () {
    const { pause } = yield* Projections
    const { execute } = yield* CommandHandler.for(till)
    yield* pass(0)
    yield* pass("10 seconds")
    assert.deepStrictEqual(yield* measured, of({ seconds: 0, events: 0 }, "up to date"))

    yield* pause("takings")
    yield* execute("1", TillCommand.cases.Sell.make({ product: "tea", cents: 5 }))
    yield* pass("30 seconds")
    assert.deepStrictEqual(yield* measured, of({ seconds: 30, events: 1 }, "paused"))

    // A lag that cannot be measured is not reported as the last one was.
    outage.isOn = true
    yield* pass("10 seconds")
    assert.deepStrictEqual(yield* measured, [])
    outage.isOn = false
    yield* pass("10 seconds")
    assert.deepStrictEqual(yield* measured, of({ seconds: 50, events: 1 }, "paused"))

    outage.isSilent = true
    yield* pass("20 seconds")
    assert.deepStrictEqual(yield* measured, [])
  }).pipe(Effect.provide(host), (test) =>
    Effect.provideService(test, Metric.MetricRegistry, new Map())
  )
)
