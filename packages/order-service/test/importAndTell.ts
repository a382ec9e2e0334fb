/** Imports a file into a folder and says after each append how far it is, for a test to kill it there. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as process from "node:process"
import * as CsvImport from "../src/CsvImport.ts"
import * as DemoShop from "../src/DemoShop.ts"

const [path = "", dataDir] = process.argv.slice(2)

Effect.gen(function* () {
  const survey = yield* CsvImport.survey(path)
  yield* CsvImport.run(survey, (rows) => Console.log(`${rows} rows`)).pipe(
    Effect.provide(DemoShop.layerStore({ _tag: "embedded", dataDir }))
  )
}).pipe(Effect.provide(NodeServices.layer), NodeRuntime.runMain)
