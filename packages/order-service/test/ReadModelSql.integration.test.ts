import * as NodeServices from "@effect/platform-node/NodeServices"
import { Projections } from "@daybook/projections/Projections"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as CsvImport from "../src/CsvImport.ts"
import * as Day from "../src/Day.ts"
import { ReadModelFigures } from "../src/ReadModelFigures.ts"
import * as ReadModelPage from "../src/ReadModelPage.ts"
import * as ReadModels from "../src/ReadModels.ts"
import * as DemoShop from "../src/DemoShop.ts"
import { captured } from "./captured.ts"
import { dirty } from "./files.ts"

const TIMEOUT_MILLIS = 240_000

it.layer(
  Layer.provideMerge(
    DemoShop.layerStore({ _tag: "embedded", dataDir: undefined }),
    NodeServices.layer
  ),
  {
    excludeTestServices: true
  }
)("ReadModelSql", (it) => {
  it.effect(
    "asks in SQL for what is read row by row",
    () =>
      Effect.gen(function* () {
        const sql = yield* ReadModelFigures
        yield* captured(Day.run)
        yield* CsvImport.run(yield* CsvImport.survey(dirty))
        // A second day, so that sums are of several orders.
        yield* captured(Day.run)
        const told = yield* captured(ReadModelPage.tell)
        const rows = yield* Effect.provide(
          Effect.flatMap(ReadModelFigures, ({ read }) => read),
          Layer.fresh(ReadModelFigures.layer)
        )
        assert.deepStrictEqual(yield* sql.read, rows)
        assert.deepStrictEqual(told.value, rows)
        assert.strictEqual(rows.removals.times, 4)
        assert.strictEqual(rows.addresses.changes, 6)
        assert.include(told.lines.join("\n"), "read in SQL from the schema read_models")
      }),
    TIMEOUT_MILLIS
  )

  it.effect(
    "keeps one generation of each read model, however often they are rebuilt",
    () =>
      Effect.gen(function* () {
        yield* captured(ReadModelPage.tell)
        yield* captured(ReadModelPage.tell)
        const projections = yield* Projections
        for (const { name } of ReadModels.all) {
          assert.lengthOf(yield* projections.generations(name), 1)
        }
      }).pipe(Effect.provide(ReadModels.layer)),
    TIMEOUT_MILLIS
  )
})
