import { ReadModelStore } from "@daybook/projections/ReadModelStore"
import * as ReadModelStoreMemory from "@daybook/projections/ReadModelStoreMemory"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import * as Law from "@daybook/testing/Law"
import * as LawSuite from "@daybook/testing/LawSuite"
import * as ReadModelStoreLaws from "@daybook/testing/contracts/ReadModelStoreLaws"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import { mistakes } from "./brokenReadModelStores.ts"

const storesWith = (readModels: Layer.Layer<ReadModelStore>) =>
  Layer.mergeAll(EventStoreMemory.layer, readModels, TestClock.layer())

const laws = ReadModelStoreLaws.laws({ runOut: ({ lease }) => TestClock.adjust(lease) })

LawSuite.suite("ReadModelStoreMemory", laws, storesWith(ReadModelStoreMemory.layer))

describe("The laws of read-model stores catch a store that", () => {
  for (const [mistake, [finds, breakIt]] of Object.entries(mistakes)) {
    it.effect(mistake, () =>
      Effect.gen(function* () {
        const found = laws.filter(({ name }) => name.includes(finds))
        assert.lengthOf(found, 1, finds)
        const broken = Layer.effect(
          ReadModelStore,
          Effect.map(ReadModelStoreMemory.make, (store) => ({ ...store, ...breakIt(store) }))
        )
        const caught = yield* Effect.provide(Law.broken(found), storesWith(broken))
        assert.lengthOf(caught, 1)
      })
    )
  }
})
