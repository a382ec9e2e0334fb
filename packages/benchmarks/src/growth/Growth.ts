/**
 * The figures of logs of several lengths, compared with those of the shortest.
 */
import type { Unrated } from "../Report.ts"
import * as Sample from "../Sample.ts"
import type { Log } from "./Log.ts"

/** Below this share of the speed on the shortest log a row is not flat. */
const FLAT = 0.8

/** A row of the table. */
export interface Growth {
  readonly name: string
  readonly concurrency: number
  readonly figure: "time" | "rate"
  /** A figure for each log, the shortest first. */
  readonly figures: ReadonlyArray<Figure>
}

/** The figure of one log. */
interface Figure {
  /** The number of events that the log was filled with. */
  readonly log: number
  /** Milliseconds of a `time`, events per second of a `rate`: the median of the rounds. */
  readonly value: number
  /** The median over the rounds of its speed by that of the shortest log; below 1 is slower. */
  readonly ratio: number
}

/** Compares the results of a row, one for each log, the shortest first. */
export const growth = (
  { concurrency, figure, name }: Pick<Growth, "name" | "concurrency" | "figure">,
  results: ReadonlyArray<
    Pick<Unrated, "rounds" | "medians"> & { readonly subject: Pick<Log, "events"> }
  >
): Growth => {
  const speed = ({ p50Micros, perSecond }: Sample.Sample) =>
    figure === "time" ? 1 / p50Micros : perSecond
  const shortest = results[0]?.rounds.map(speed) ?? []
  return {
    name,
    concurrency,
    figure,
    figures: results.map(({ medians, rounds, subject }) => ({
      log: subject.events,
      value: figure === "time" ? medians.p50Micros / 1e3 : medians.perSecond,
      ratio: Sample.median(rounds.map((round, index) => speed(round) / (shortest[index] ?? NaN)))
    }))
  }
}

/** True if the row is as fast on each log as on the shortest, within 20 %. */
export const isFlat = ({ figures }: Growth): boolean => figures.every(({ ratio }) => ratio >= FLAT)

/** Writes the table in Markdown: a row for each kind of work, a column for each log. */
export const table = (rows: ReadonlyArray<Growth>): string => {
  const logs = rows[0]?.figures.map(({ log }) => `${log.toLocaleString("en")} events`) ?? []
  const line = (cells: ReadonlyArray<string>) => `| ${cells.join(" | ")} |`
  return [
    line(["figure (speed by the shortest log's)", "at a time", ...logs]),
    line(["---", "--:", ...logs.map(() => "--:")]),
    ...rows.map(({ concurrency, figure, figures, name }) =>
      line([
        name,
        String(concurrency),
        ...figures.map(({ ratio, value }) => `${cell(figure, value)} (${ratio.toFixed(2)})`)
      ])
    )
  ].join("\n")
}

const cell = (figure: Growth["figure"], value: number): string =>
  figure === "time"
    ? `${value.toPrecision(3)} ms`
    : `${Math.round(value).toLocaleString("en")} a second`

/** Names the rows that are not flat, each with the log on which it is slowest. */
export const verdict = (rows: ReadonlyArray<Growth>): string => {
  const limit = `${Math.round((1 - FLAT) * 100)} %`
  const steep = rows.filter((row) => !isFlat(row))
  if (steep.length === 0) return `Flat within ${limit}: all ${rows.length} rows`
  const named = steep.map((row) => {
    const worst = row.figures.reduce((a, b) => (b.ratio < a.ratio ? b : a))
    const log = worst.log.toLocaleString("en")
    return `${row.name}, ${row.concurrency} at a time (${worst.ratio.toFixed(2)} at ${log})`
  })
  return `Not flat within ${limit}: ${named.join("; ")}`
}
