import { assert, it } from "@effect/vitest"
import * as Option from "effect/Option"
import * as Growth from "../src/growth/Growth.ts"
import * as Sizes from "../src/growth/Sizes.ts"
import type { Sample } from "../src/Sample.ts"

/** A round in which an act took this long in the median. */
const round = (p50Micros: number): Sample => ({
  perSecond: 1e6 / p50Micros,
  p50Micros,
  p99Micros: 2 * p50Micros
})

const results = (events: number, ...micros: ReadonlyArray<number>) => ({
  subject: { events },
  medians: round(micros[1] ?? 0),
  rounds: micros.map(round)
})

const load = { name: "load", concurrency: 1, figure: "time" as const }

it("compares each log with the shortest in the same round", () => {
  const { figures } = Growth.growth(load, [
    results(10_000, 100, 200, 400),
    results(100_000, 125, 200, 800)
  ])
  assert.deepStrictEqual(figures, [
    { log: 10_000, value: 0.2, ratio: 1 },
    // Of 0.8, 1 and 0.5.
    { log: 100_000, value: 0.2, ratio: 0.8 }
  ])
})

it("compares rates where the time of an act says nothing", () => {
  const { figures } = Growth.growth({ ...load, figure: "rate" }, [
    { ...results(10_000, 10), medians: { ...round(10), perSecond: 300 } },
    { ...results(100_000, 40), medians: { ...round(40), perSecond: 75 } }
  ])
  assert.deepStrictEqual(figures, [
    { log: 10_000, value: 300, ratio: 1 },
    { log: 100_000, value: 75, ratio: 0.25 }
  ])
})

/** A row with these ratios on longer and longer logs. */
const row = (name: string, ...ratios: ReadonlyArray<number>): Growth.Growth => ({
  ...load,
  name,
  figures: ratios.map((ratio, index) => ({ log: 10_000 * 10 ** index, value: 0.5, ratio }))
})

it("finds rows flat that lose a fifth or gain", () => {
  const rows = [row("load", 1, 0.8), row("read", 1, 3)]
  assert.isTrue(rows.every(Growth.isFlat))
  assert.strictEqual(Growth.verdict(rows), "Flat within 20 %: all 2 rows")
})

it("names the rows that are slower on some log, with the slowest", () => {
  const rows = [row("load", 1, 0.79, 1), row("read", 1, 0.5, 0.3), row("list", 1, 1, 1)]
  assert.deepStrictEqual(rows.map(Growth.isFlat), [false, false, true])
  assert.strictEqual(
    Growth.verdict(rows),
    "Not flat within 20 %: load, 1 at a time (0.79 at 100,000); read, 1 at a time (0.30 at 1,000,000)"
  )
})

it("finds a row steep that has no figure", () => {
  assert.isFalse(Growth.isFlat(row("load", 1, Number.NaN)))
})

it("writes a column for each log", () => {
  assert.strictEqual(
    Growth.table([row("load", 1, 0.5), { ...row("append", 1, 0.5), figure: "rate" }]),
    [
      "| figure (speed by the shortest log's) | at a time | 10,000 events | 100,000 events |",
      "| --- | --: | --: | --: |",
      "| load | 1 | 0.500 ms (1.00) | 0.500 ms (0.50) |",
      "| append | 1 | 1 a second (1.00) | 1 a second (0.50) |"
    ].join("\n")
  )
})

it("reads sizes that a log can be filled to", () => {
  assert.deepStrictEqual(Sizes.parse("2000,10000"), Option.some([2_000, 10_000]))
  for (const text of ["", "0", "3000", "10000,10000", "10000,2000", "1e4,x", "-2000", "2000,"]) {
    assert.isTrue(Option.isNone(Sizes.parse(text)), text)
  }
})
