import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "node:path"
import { HEADER } from "../src/CsvFile.ts"

export const dirty = Path.join(import.meta.dirname, "fixtures", "dirty.csv")

/** Real orders, in the folder beside the repository; not every machine has them. */
export const realOrders = Path.resolve(
  import.meta.dirname,
  "../../../../shared/data/online-retail.csv"
)

/** A file that lives as long as the test. */
export const write = Effect.fnUntraced(function* (content: string | Uint8Array) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* fs.makeTempFileScoped({ suffix: ".csv" })
  yield* typeof content === "string"
    ? fs.writeFileString(path, content)
    : fs.writeFile(path, content)
  return path
})

/** A folder that lives as long as the test. */
export const folder = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  return yield* fs.makeTempDirectoryScoped({ prefix: "daybook-demo-" })
})

export const header = HEADER.join(",")

/** A row of the file, all its cells plain. */
export const row = (cells: {
  readonly invoice?: string
  readonly product?: string
  readonly quantity?: number | string
  readonly at?: string
  readonly price?: string
  readonly customer?: string
}): string =>
  [
    cells.invoice ?? "1",
    cells.product ?? "P",
    "A THING",
    cells.quantity ?? 1,
    cells.at ?? "12/1/2010 8:26",
    cells.price ?? "1.00",
    cells.customer ?? "C1",
    "United Kingdom"
  ].join(",")
