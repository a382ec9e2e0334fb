import { EventStore } from "@daybook/store/EventStore"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { cases, PassOvers } from "./passOverCases.ts"

const memory = Layer.effectContext(
  Effect.gen(function* () {
    let passOver: EventStoreMemory.PassOver = () => Effect.die("not built yet")
    const store = yield* Effect.provideService(
      EventStoreMemory.make,
      EventStoreMemory.OnBuilt,
      (_restore, given) => {
        passOver = given
      }
    )
    return Context.make(EventStore, store).pipe(Context.add(PassOvers, { passOver }))
  })
)

cases("Passing over in memory", memory)
