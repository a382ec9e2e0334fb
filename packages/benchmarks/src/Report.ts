/**
 * The results of a run, as a table to read and as JSON to store.
 */
import type { Contender } from "./Appender.ts"
import type { Measure } from "./Measure.ts"
import type { Sample } from "./Sample.ts"

/** The medians of one subject in one measure. */
export interface Result extends Sample {
  readonly measure: string
  readonly concurrency: number
  readonly events: number
  readonly subject: string
  readonly rounds: ReadonlyArray<number>
  /** Its rate divided by the rate of its yardstick. */
  readonly ratio?: number
}

/** A result without its ratio; its subject names the yardstick. */
export interface Unrated<C extends Contender = Contender> {
  readonly measure: Pick<Measure, "name" | "concurrency" | "events">
  readonly subject: C
  readonly medians: Sample
  readonly rounds: ReadonlyArray<Sample>
}

/** Adds the ratios to results whose yardstick was measured too. */
export const rate = (results: ReadonlyArray<Unrated>): ReadonlyArray<Result> =>
  results.map(({ measure, medians, rounds, subject }) => {
    const yardstick = results.find(
      (other) => other.measure === measure && other.subject.name === subject.yardstick
    )
    return {
      measure: measure.name,
      concurrency: measure.concurrency,
      events: measure.events,
      subject: subject.name,
      ...medians,
      rounds: rounds.map((sample) => sample.perSecond),
      ...(yardstick === undefined ? {} : { ratio: medians.perSecond / yardstick.medians.perSecond })
    }
  })

/** Writes the table: a heading for each measure, a line for each subject. */
export const table = (results: ReadonlyArray<Result>): string => {
  const heading = ["", "per second", "p50 ms", "p99 ms", "of yardstick"]
  const rows = results.flatMap((result, index) => {
    const { concurrency, measure, p50Micros, p99Micros, perSecond, ratio, subject } = result
    const before = results[index - 1]
    const begins = before?.measure !== measure || before.concurrency !== concurrency
    return [
      ...(begins ? [[], [`${measure}, ${concurrency} at a time`]] : []),
      [
        `  ${subject}`,
        count(perSecond),
        millis(p50Micros),
        millis(p99Micros),
        ratio === undefined ? "" : ratio.toFixed(2)
      ]
    ]
  })
  const first = Math.max(...results.map(({ subject }) => subject.length + 2))
  return [heading, ...rows]
    .map((cells) =>
      cells
        .map((cell, index) => (index === 0 ? cell.padEnd(first) : cell.padStart(14)))
        .join("")
        .trimEnd()
    )
    .join("\n")
}

const count = (value: number): string =>
  value < 100 ? value.toFixed(1) : Math.round(value).toLocaleString("en")

const millis = (micros: number): string => (micros / 1000).toFixed(micros < 10_000 ? 3 : 1)
