import { ReadModelStore } from "@daybook/projections/ReadModelStore"
import * as ReadModelStoreMemory from "@daybook/projections/ReadModelStoreMemory"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { keepsNothing } from "../../store/test/heap.ts"
import { embedded, server } from "./postgresLayers.ts"
import { put, serve, shelves } from "./shelf.ts"
import { take } from "./taking.ts"

const ROWS = 1_000
const rows = Array.from({ length: ROWS }, (_, n) => [`shelf ${n}`, n] as const)

const EVERYTHING = { where: [], orderBy: [], after: Option.none(), limit: Option.none() }

const inMemory = ReadModelStoreMemory.layer.pipe(Layer.provideMerge(EventStoreMemory.layer))

const cases = <E>(name: string, stores: Layer.Layer<ReadModelStore, E>): void => {
  layer(stores, { timeout: "2 minutes", excludeTestServices: true })(name, (it) => {
    it.effect(
      "keeps nothing of 200,000 rows that queries gave",
      () =>
        Effect.gen(function* () {
          const { query } = yield* ReadModelStore
          const table = shelves()
          yield* serve(table, rows)
          const run = Stream.runCount(query(table, EVERYTHING))
          assert.strictEqual(yield* run, ROWS)
          yield* keepsNothing(run, { items: ROWS, times: 200 })
        }),
      120_000
    )

    it.effect(
      "keeps nothing of 100,000 rows that steps replaced",
      () =>
        Effect.gen(function* () {
          const store = yield* ReadModelStore
          const table = shelves()
          const claim = yield* serve(table, rows)
          let position = 1
          const run = Effect.suspend(() =>
            take(store, table, claim, put(position, ++position, rows.toReversed()))
          )
          yield* keepsNothing(run, { items: ROWS, times: 100, writes: true })
        }),
      120_000
    )
  })
}

cases("The read-model store in memory", inMemory)
cases("The embedded read-model store", embedded)
cases("The read-model store on a server", server)
