/**
 * The figures of reactors and publishers, as a table.
 */
import * as Sample from "../Sample.ts"

/** The speed of one contender in a turn. */
export interface Turn {
  /** Events or messages. */
  readonly perSecond: number
  /** The processor time of this process for each, servers and brokers excluded. */
  readonly micros: number
}

/** The medians of a contender's turns. */
export interface Row extends Turn {
  readonly name: string
  readonly hosts: number
  /** The contender that took turns with it. */
  readonly yardstick: string
  /** The median, over the turns, of its rate divided by that of the yardstick in the same turn. */
  readonly ratio: number
}

/** The turns of a contender beside those of its yardstick. */
export interface Turns {
  readonly name: string
  readonly hosts: number
  readonly turns: ReadonlyArray<Turn>
  readonly yardstick: { readonly name: string; readonly turns: ReadonlyArray<Turn> }
}

export const row = ({ hosts, name, turns, yardstick }: Turns): Row => ({
  name,
  hosts,
  perSecond: Sample.median(turns.map(({ perSecond }) => perSecond)),
  micros: Sample.median(turns.map(({ micros }) => micros)),
  yardstick: yardstick.name,
  ratio: Sample.median(
    turns.map(({ perSecond }, index) => perSecond / (yardstick.turns[index]?.perSecond ?? NaN))
  )
})

/** Prints the rows in Markdown. */
export const table = (unit: string, rows: ReadonlyArray<Row>): string =>
  [
    `| | hosts | ${unit} a second | processor µs | of yardstick | yardstick |`,
    "| --- | --: | --: | --: | --: | --- |",
    ...rows.map(({ hosts, micros, name, perSecond, ratio, yardstick }) => {
      const rate = Math.round(perSecond).toLocaleString("en")
      return `| ${name} | ${hosts} | ${rate} | ${micros.toFixed(1)} | ${ratio.toFixed(2)} | ${yardstick} |`
    })
  ].join("\n")
