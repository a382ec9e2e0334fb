import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as CsvImport from "../src/CsvImport.ts"
import * as LogFigures from "../src/LogFigures.ts"
import * as DemoShop from "../src/DemoShop.ts"
import * as Stores from "../src/Stores.ts"
import { dirty, realOrders } from "./files.ts"

const TIMEOUT_MILLIS = 240_000

const stores: ReadonlyArray<Stores.Store> = [
  { _tag: "memory" },
  { _tag: "embedded", dataDir: undefined }
]

const confirmed = { status: "confirmed", currency: "GBP" }
const cancelled = { status: "cancelled", currency: "GBP" }

const files = [
  {
    path: dirty,
    rows: 30,
    refused: 18,
    items: 12,
    orders: 6,
    events: 24,
    byStatus: [
      { ...confirmed, orders: 5, units: 17, total: 3_246n },
      { ...cancelled, orders: 1, units: 3, total: 650n }
    ]
  },
  {
    path: realOrders,
    rows: 10_000,
    refused: 46,
    items: 9_954,
    orders: 467,
    events: 10_888,
    byStatus: [
      { ...confirmed, orders: 424, units: 90_121, total: 18_424_833n },
      { ...cancelled, orders: 43, units: 10_817, total: 358_058n }
    ]
  }
]

describe("CsvImport", () => {
  for (const { path, refused, rows, ...expected } of files.filter((file) =>
    Fs.existsSync(file.path)
  )) {
    for (const store of stores) {
      it.live(
        `imports ${Path.basename(path)} into ${Stores.describe(store)}, and again without a change`,
        () =>
          Effect.gen(function* () {
            const survey = yield* CsvImport.survey(path)
            assert.strictEqual(survey.rows, rows)
            const first = yield* CsvImport.run(survey)
            assert.strictEqual(first.refused.count, refused)
            assert.strictEqual(first.recorded, expected.events)
            const { largest, ...log } = yield* LogFigures.read(survey.orders.keys())
            assert.deepEqual<object>(log, expected)

            const again = yield* CsvImport.run(survey)
            assert.deepStrictEqual(again, { ...first, recorded: 0, known: first.recorded })
            assert.deepStrictEqual(yield* LogFigures.read(survey.orders.keys()), {
              ...log,
              largest
            })
          }).pipe(Effect.provide(DemoShop.layerStore(store)), Effect.provide(NodeServices.layer)),
        TIMEOUT_MILLIS
      )
    }
  }
})
