/** Imports the first system's table into a folder and says how far it is, for a test to kill it there. */
import * as Order from "@daybook/order/Order"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as process from "node:process"
import * as LegacyHistory from "../src/LegacyHistory.ts"
import * as LegacyImport from "../src/LegacyImport.ts"
import { LegacyTable } from "../src/LegacyTable.ts"
import * as DemoShop from "../src/DemoShop.ts"

const [dataDir, events] = process.argv.slice(2)

Effect.gen(function* () {
  const table = yield* LegacyTable
  yield* table.fill(yield* LegacyHistory.generate(Number(events)))
  const survey = yield* LegacyImport.survey(Order.aggregate, table.rows)
  yield* LegacyImport.run(Order.aggregate, survey, table.rows, (rows) =>
    Console.log(`${rows} rows`)
  )
}).pipe(
  Effect.provide(DemoShop.layerLegacy({ _tag: "embedded", dataDir })),
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain
)
