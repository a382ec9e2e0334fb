/**
 * The rates of two sides in turns, compared.
 */
import * as Sample from "@daybook/benchmarks/Sample"
import * as Row from "./Row.ts"

/** The events per second of two turns, one after the other. */
export interface Pair {
  readonly present: number
  readonly base: number
}

/** The result of a row: pairs of turns, or the reason why the base does not offer it. */
export type Outcome =
  | { readonly row: Row.Row; readonly pairs: ReadonlyArray<Pair> }
  | { readonly row: Row.Row; readonly notOffered: string }

/** The medians of a row's pairs. */
export interface Compared extends Pair {
  readonly row: string
  /** The rate of the present divided by that of the base, pair by pair. */
  readonly ratio: { readonly median: number; readonly least: number; readonly most: number }
}

/** A row that the base does not offer. */
export interface Uncompared {
  readonly row: string
  readonly notOffered: string
}

/** Compares the sides in a row. */
export const compare = (outcome: Outcome): Compared | Uncompared => {
  const row = Row.title(outcome.row)
  if ("notOffered" in outcome) return { row, notOffered: outcome.notOffered }
  const { pairs } = outcome
  const ratios = pairs.map(({ base, present }) => present / base)
  return {
    row,
    present: Sample.median(pairs.map(({ present }) => present)),
    base: Sample.median(pairs.map(({ base }) => base)),
    ratio: {
      median: Sample.median(ratios),
      least: Math.min(...ratios),
      most: Math.max(...ratios)
    }
  }
}

/** The judgement of a comparison. */
export interface Verdict {
  readonly passed: boolean
  readonly text: string
}

/** Passes if rows were compared, and the median ratio of none is below `allowed`. */
export const judge = (rows: ReadonlyArray<Compared | Uncompared>, allowed: number): Verdict => {
  const compared = rows.filter((row) => "ratio" in row)
  // A comparison of nothing must not look like one without losses.
  if (compared.length === 0) return { passed: false, text: "The base offers none of the rows" }
  // A ratio that is no number, of a side that did nothing, is a loss too.
  const lost = compared.filter(({ ratio }) => !(ratio.median >= allowed))
  if (lost.length === 0) {
    return { passed: true, text: `No row is below ${allowed} of the base, of ${compared.length}` }
  }
  const named = lost.map(({ ratio, row }) => `${row} (${figure(ratio.median)})`)
  return { passed: false, text: `Below ${allowed} of the base: ${named.join("; ")}` }
}

/** Writes the table in Markdown. */
export const table = (rows: ReadonlyArray<Compared | Uncompared>): string =>
  [
    ["events a second", "present", "base", "ratio", "least", "most"],
    ["---", "--:", "--:", "--:", "--:", "--:"],
    ...rows.map((row) =>
      "ratio" in row
        ? [
            row.row,
            count(row.present),
            count(row.base),
            figure(row.ratio.median),
            figure(row.ratio.least),
            figure(row.ratio.most)
          ]
        : [row.row, "", "not offered", "", "", ""]
    )
  ]
    .map((cells) => `| ${cells.join(" | ")} |`)
    .join("\n")

const count = (value: number): string => Math.round(value).toLocaleString("en")

const figure = (ratio: number): string => ratio.toPrecision(3)
