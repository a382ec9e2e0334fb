/**
 * The rows that `pnpm bench:guard` compares. The process of a side imports this module before it
 * can resolve packages, so it imports nothing.
 */

/** Work that both sides do. */
export interface Row {
  readonly name: string
  readonly concurrency: number
  /** The module that does it. */
  readonly module: "store" | "readModels"
}

const row = (name: string, concurrency: number, module: Row["module"] = "store"): Row => ({
  name,
  concurrency,
  module
})

/** All rows, in the order of the report. */
export const all: ReadonlyArray<Row> = [
  row("append 1 event", 1),
  row("append 1 event", 16),
  row("append 1 event", 64),
  row("append 10 events", 64),
  row("load, decide, append on 20 events", 64),
  row("load and fold 10 events", 1),
  row("load and fold 100 events", 1),
  row("catch up", 1, "readModels"),
  row("append 1 event, kept inline", 64, "readModels"),
  row("append 1 event in memory", 64)
]

/** Returns the text that names a row. */
export const title = ({ concurrency, name }: Row): string => `${name}, ${concurrency} at a time`
