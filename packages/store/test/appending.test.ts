import * as EventId from "@daybook/kernel/EventId"
import * as Position from "@daybook/kernel/Position"
import * as Revision from "@daybook/kernel/Revision"
import * as StreamId from "@daybook/kernel/StreamId"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import { assert, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Metric from "effect/Metric"
import * as TestClock from "effect/testing/TestClock"
import * as Appending from "../src/internal/driver/appending.ts"

const appended = {
  revision: Revision.make(1),
  position: Position.make(1n),
  recordedAt: DateTime.makeUnsafe(0),
  repeated: false
}

const append = {
  streamId: StreamId.StreamId.make("note-1"),
  expected: ExpectedRevision.any,
  events: [
    {
      id: EventId.make("00000000-0000-4000-8000-000000000001"),
      type: "Noted",
      schemaVersion: 1,
      data: {},
      metadata: {},
      occurredAt: DateTime.makeUnsafe(0)
    }
  ]
} as const

it.effect("times one append in eight until it is acknowledged, and counts all", () =>
  Effect.gen(function* () {
    const store = Appending.make({
      name: "slow",
      append: () => Effect.as(Effect.sleep("300 millis"), [appended]),
      appendOne: () => Effect.as(Effect.sleep("300 millis"), appended)
    })
    const working = yield* Effect.forkChild(Effect.replicateEffect(store.append(append), 9))
    yield* TestClock.adjust("2700 millis")
    yield* Fiber.join(working)
    const metrics = yield* Metric.snapshot
    const stateOf = (name: string) => metrics.find(({ id }) => id === name)?.state
    assert.propertyVal(stateOf("daybook_appends"), "count", 9)
    assert.propertyVal(stateOf("daybook_append_seconds"), "count", 2)
    assert.propertyVal(stateOf("daybook_append_seconds"), "sum", 0.6)
  }).pipe(Effect.provideService(Metric.MetricRegistry, new Map()))
)
