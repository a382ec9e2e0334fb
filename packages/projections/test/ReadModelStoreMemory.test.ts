import { ReadModelStore } from "@daybook/projections/ReadModelStore"
import * as ReadModelStoreMemory from "@daybook/projections/ReadModelStoreMemory"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import * as ReadModelStoreSuite from "@daybook/testing/ReadModelStoreSuite"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import { mistakes } from "./brokenReadModelStores.ts"

const storesWith = (readModels: Layer.Layer<ReadModelStore>) =>
  Layer.mergeAll(EventStoreMemory.layer, readModels, TestClock.layer())

const leases: ReadModelStoreSuite.Options<never> = {
  runOut: ({ lease }) => TestClock.adjust(lease)
}

ReadModelStoreSuite.suite("ReadModelStoreMemory", storesWith(ReadModelStoreMemory.layer), leases)

describe("ReadModelStoreSuite finds a store that", () => {
  const cases = Array.from(ReadModelStoreSuite.cases(leases))

  for (const [mistake, [finds, breakIt]] of Object.entries(mistakes)) {
    it.effect(mistake, () =>
      Effect.gen(function* () {
        const found = cases.filter(([sentence]) => sentence.includes(finds))
        assert.lengthOf(found, 1, finds)
        const broken = Layer.effect(
          ReadModelStore,
          Effect.map(ReadModelStoreMemory.make, (store) => ({ ...store, ...breakIt(store) }))
        )
        for (const [, run] of found) {
          const exit = yield* Effect.exit(Effect.provide(run, storesWith(broken)))
          assert.isTrue(Exit.isFailure(exit))
        }
      })
    )
  }
})
