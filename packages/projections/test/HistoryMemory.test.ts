import { World, cases } from "./historyCases.ts"
import * as Position from "@daybook/kernel/Position"
import * as ReadModelStoreMemory from "@daybook/projections/ReadModelStoreMemory"
import { EventStore } from "@daybook/store/EventStore"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

const stores = Effect.gen(function* () {
  let restore: EventStoreMemory.Restore | undefined
  const events = yield* Effect.provideService(
    EventStoreMemory.make,
    EventStoreMemory.OnBuilt,
    (given) => {
      restore = given
    }
  )
  const world = World.of({
    // Positions in memory count the events.
    restore: (keep) =>
      Effect.as(
        Effect.suspend(() => restore?.(Position.make(BigInt(keep))) ?? Effect.die("no log")),
        events
      ),
    another: Effect.all({ events: EventStoreMemory.make, rows: ReadModelStoreMemory.make })
  })
  return Context.make(World, world).pipe(Context.add(EventStore, events))
})

cases(
  "The history of a log in memory",
  Layer.effectContext(stores).pipe(Layer.provideMerge(ReadModelStoreMemory.layer))
)
