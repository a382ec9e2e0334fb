import { EventStore } from "@daybook/store/EventStore"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Stream from "effect/Stream"
import { keepsNothing } from "./heap.ts"
import { cases, reading } from "./heapCases.ts"
import { embedded, server } from "./postgresLayers.ts"

cases("EventStoreMemory", EventStoreMemory.layer)
cases("EventStorePostgres embedded", embedded)
cases("EventStorePostgres on a server", server)

it.live("a store that keeps a number for each event it gave is found", () =>
  Effect.gen(function* () {
    const store = yield* EventStoreMemory.make
    const given: Array<object> = []
    const hoarder = {
      ...store,
      readAll: (options: Parameters<typeof store.readAll>[0]) =>
        Stream.tap(store.readAll(options), () => Effect.sync(() => given.push({})))
    }
    const run = yield* Effect.provideService(reading.readAll, EventStore, hoarder)
    const exit = yield* Effect.exit(keepsNothing(run, { items: 1_000, times: 20 }))
    assert.isTrue(Exit.isFailure(exit))
    assert.isAtLeast(given.length, 20_000)
  })
)
