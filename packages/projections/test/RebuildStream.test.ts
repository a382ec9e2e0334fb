/**
 * The stream of a rebuild whose shadow another host builds.
 */
import { Projections } from "@daybook/projections/Projections"
import { ReadModelStore } from "@daybook/projections/ReadModelStore"
import * as ReadModelStoreMemory from "@daybook/projections/ReadModelStoreMemory"
import * as ReadModelTable from "@daybook/projections/driver/ReadModelTable"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { aggregateOf, takings } from "./Till.ts"

const projection = takings(aggregateOf("till"), "takings")

describe("The stream of a rebuild", () => {
  it.effect("ends with the runner that reports on another host's build", () =>
    Effect.gen(function* () {
      const store = yield* ReadModelStore
      const table = yield* Effect.fromResult(ReadModelTable.make(projection))
      const scope = yield* Scope.make()
      const runner = yield* Layer.buildWithScope(Projections.layer({ async: [projection] }), scope)
      const projections = Context.get(runner, Projections)
      const lease = Duration.hours(1)
      yield* store.beginShadow(table, { parallelism: 1, owner: "another host", lease })
      const told = yield* Effect.forkChild(Stream.runDrain(projections.rebuild(projection.name)))
      yield* TestClock.adjust("5 seconds")
      assert.isUndefined(told.pollUnsafe())
      yield* Scope.close(scope, Exit.void)
      const exit = yield* Fiber.await(told)
      assert.isTrue(Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause))
    }).pipe(
      Effect.scoped,
      Effect.provide(Layer.merge(EventStoreMemory.layer, ReadModelStoreMemory.layer))
    )
  )
})
