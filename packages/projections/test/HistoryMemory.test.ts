import { World, cases } from "./historyCases.ts"
import * as ReadModelStoreMemory from "@daybook/projections/ReadModelStoreMemory"
import { EventStore } from "@daybook/store/EventStore"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"

/**
 * Restores a log in memory: since it can't be rolled back, the restored log is another one with the
 * same id and the same first events.
 */
const world = Layer.effect(
  World,
  Effect.gen(function* () {
    const events = yield* EventStore
    return {
      restore: Effect.fnUntraced(function* (keep: number) {
        const identity = yield* events.identity
        const restored = yield* Effect.provideService(
          EventStoreMemory.make,
          EventStoreMemory.Identity,
          identity
        )
        yield* Stream.runForEach(events.readAll({ limit: keep }), ({ streamId, ...event }) =>
          restored.append({ streamId, expected: ExpectedRevision.any, events: [event] })
        )
        return restored
      }),
      another: Effect.all({ events: EventStoreMemory.make, rows: ReadModelStoreMemory.make }),
      beneath: false
    }
  })
)

cases(
  "The history of a log in memory",
  world.pipe(Layer.provideMerge(Layer.merge(EventStoreMemory.layer, ReadModelStoreMemory.layer)))
)
