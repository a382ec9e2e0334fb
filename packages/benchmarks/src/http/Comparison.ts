/**
 * The figures of the hosts, side by side.
 */
import * as Sample from "../Sample.ts"
import type { Figures } from "./Load.ts"

/** The medians of a host's turns; the requests that failed are their sum. */
export interface Row extends Figures {
  readonly name: string
}

/** Returns the row of a host. */
export const row = ({
  name,
  turns
}: {
  readonly name: string
  readonly turns: ReadonlyArray<Figures>
}): Row => ({
  name,
  perSecond: Sample.median(turns.map(({ perSecond }) => perSecond)),
  p50Millis: Sample.median(turns.map(({ p50Millis }) => p50Millis)),
  p99Millis: Sample.median(turns.map(({ p99Millis }) => p99Millis)),
  failed: turns.reduce((sum, { failed }) => sum + failed, 0)
})

/** Returns the requests a second of the first host by those of the last one. */
export const ratio = (rows: ReadonlyArray<Row>): number =>
  (rows.at(0)?.perSecond ?? NaN) / (rows.at(-1)?.perSecond ?? NaN)

/** Prints the rows in Markdown, each with its ratio to the last one. */
export const table = (rows: ReadonlyArray<Row>): string => {
  const last = rows.at(-1)
  const line = ({ failed, name, p50Millis, p99Millis, perSecond }: Row) => {
    const ratio = last === undefined ? 1 : perSecond / last.perSecond
    const rate = Math.round(perSecond).toLocaleString("en")
    return `| ${name} | ${rate} | ${ratio.toFixed(2)} | ${p50Millis} | ${p99Millis} | ${failed} |`
  }
  return [
    "| host | requests a second | ratio | p50 ms | p99 ms | failed |",
    "| --- | --: | --: | --: | --: | --: |",
    ...rows.map(line)
  ].join("\n")
}
