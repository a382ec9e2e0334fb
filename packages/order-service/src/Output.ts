/**
 * Formats text for the page: colour if the terminal has it, tables, numbers.
 *
 * @since 0.1.0
 */
import * as CliOutput from "effect/cli/CliOutput"
import { TerminalCapabilities } from "effect/cli/TerminalCapabilities"
import * as Effect from "effect/Effect"

type Paint = (text: string) => string

/**
 * Paints text, or leaves it plain when it is piped or `NO_COLOR` is set.
 *
 * @category types
 * @since 0.1.0
 */
export interface Style {
  readonly bold: Paint
  readonly dim: Paint
  readonly red: Paint
  readonly green: Paint
  readonly yellow: Paint
  readonly cyan: Paint
}

const ansi =
  (on: number, off: number): Paint =>
  (text) =>
    text === "" ? "" : `\u001b[${on}m${text}\u001b[${off}m`

const coloured: Style = {
  bold: ansi(1, 22),
  dim: ansi(2, 22),
  red: ansi(31, 39),
  green: ansi(32, 39),
  yellow: ansi(33, 39),
  cyan: ansi(36, 39)
}

const same: Paint = (text) => text

const plain: Style = { bold: same, dim: same, red: same, green: same, yellow: same, cyan: same }

/**
 * Reads the style that the terminal allows.
 *
 * @category operations
 * @since 0.1.0
 */
export const style: Effect.Effect<Style> = Effect.gen(function* () {
  const { canColor } = yield* TerminalCapabilities
  return canColor ? coloured : plain
})

/**
 * A column of a {@link table}.
 *
 * @category types
 * @since 0.1.0
 */
export interface Column {
  readonly title: string
  readonly align?: "left" | "right"
}

/**
 * Pads `text` to `width` cells of the terminal, colours not counted.
 *
 * @category operations
 * @since 0.1.0
 */
export const pad = (text: string, width: number, align: "left" | "right" = "left"): string => {
  const space = " ".repeat(Math.max(0, width - CliOutput.displayWidth(text)))
  return align === "left" ? text + space : space + text
}

/**
 * Returns the lines of a table, titles first, with two spaces between columns.
 *
 * @category operations
 * @since 0.1.0
 */
export const table = (
  columns: ReadonlyArray<Column>,
  rows: ReadonlyArray<ReadonlyArray<string>>
): ReadonlyArray<string> => {
  const all = [columns.map((column) => column.title), ...rows]
  const widths = columns.map((_, index) =>
    all.reduce((widest, row) => Math.max(widest, CliOutput.displayWidth(row[index] ?? "")), 0)
  )
  return all.map((row) =>
    columns
      .map((column, index) => pad(row[index] ?? "", widths[index] ?? 0, column.align))
      .join("  ")
      .trimEnd()
  )
}

const grouped = new Intl.NumberFormat("en-GB")

/**
 * Formats a number, such as `10,888`.
 *
 * @category operations
 * @since 0.1.0
 */
export const number = (value: number | bigint): string => grouped.format(value)

/**
 * Formats a number of things, such as `1 order` or `467 orders`; the plural is `noun` with an s.
 *
 * @category operations
 * @since 0.1.0
 */
export const count = (value: number, noun: string): string =>
  `${number(value)} ${value === 1 ? noun : `${noun}s`}`
