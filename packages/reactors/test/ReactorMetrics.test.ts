import * as ConsumerGroupsMemory from "@daybook/reactors/ConsumerGroupsMemory"
import { ConsumerGroups } from "@daybook/reactors/ConsumerGroups"
import { Category } from "@daybook/kernel/StreamId"
import * as Reactor from "@daybook/reactors/Reactor"
import * as ReactorMetrics from "@daybook/reactors/ReactorMetrics"
import { Reactors } from "@daybook/reactors/Reactors"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { appendAll } from "./reactorCases.ts"

const category = Category.make("measured")

const reactor = Reactor.make({
  name: "measured",
  categories: [category],
  onFailure: "park",
  retry: Schedule.recurs(1),
  react: ({ streamId }) => (streamId.endsWith("a") ? Effect.fail("refused") : Effect.void)
})

/** A consumer of a group that is no reactor, as those of processes are. */
const other = Layer.effectDiscard(
  ConsumerGroups.use(({ run }) =>
    Effect.forkScoped(
      run({ name: "other", categories: [category] }, ({ commit, pages }) =>
        Stream.runForEach(pages, ({ checkpoint }) => commit(checkpoint))
      )
    )
  )
)

const host = ReactorMetrics.layer({ groups: ["other", "never-run"] }).pipe(
  Layer.provideMerge(other),
  Layer.provideMerge(Reactors.layer([reactor])),
  Layer.provideMerge(ConsumerGroupsMemory.layer),
  Layer.provideMerge(EventStoreMemory.layer)
)

const valuesOf = (reactor: string) =>
  Effect.map(Metric.snapshot, (all) =>
    Object.fromEntries(
      all
        .filter(({ attributes }) => attributes?.["reactor"] === reactor)
        .map(({ attributes, id, state }) => [
          attributes?.["state"] === undefined ? id : `${id} ${attributes["state"]}`,
          "value" in state ? state.value : "count" in state ? state.count : undefined
        ])
    )
  )

it.effect("A reactor is measured: its attempts, its lag, its state, and its parked keys", () =>
  Effect.gen(function* () {
    yield* appendAll(category, "a1", "b1")
    yield* TestClock.adjust("1 second")
    const groups = yield* ConsumerGroups
    assert.lengthOf((yield* groups.status("measured")).held, 1)
    yield* TestClock.adjust("19 seconds")
    const values = yield* valuesOf("measured")
    assert.deepInclude(values, {
      daybook_reactor_attempts: 3,
      daybook_reactor_failures: 2,
      daybook_reactor_lag_events: 0,
      daybook_reactor_lag_seconds: 0,
      daybook_reactor_parked_keys: 1,
      "daybook_reactor_state live": 1,
      "daybook_reactor_state stopped": 0
    })
    assert.deepInclude(yield* valuesOf("other"), {
      daybook_reactor_lag_events: 0,
      daybook_reactor_parked_keys: 0,
      "daybook_reactor_state live": 1
    })
    assert.deepStrictEqual(yield* valuesOf("never-run"), {})
  }).pipe(Effect.provide(host))
)
