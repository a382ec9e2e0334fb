/**
 * Lists and records in the formats that `--output` names.
 *
 * Foreign text is made printable in tables and plain lines; in JSON it is escaped.
 */
import { printableLine } from "@daybook/kernel/Printable"
import * as CliOutput from "effect/cli/CliOutput"
import { TerminalCapabilities } from "effect/cli/TerminalCapabilities"
import * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { ReaderGone } from "../exit.ts"
import * as Stdout from "./stdout.ts"

/** The formats. */
export const FORMATS = ["table", "json", "ndjson", "plain"] as const

type Format = (typeof FORMATS)[number]

export interface Style {
  readonly format: Format
  /** Only the ids, one a line, for pipes. */
  readonly quiet: boolean
}

interface Column<in A> {
  readonly title: string
  readonly align?: "left" | "right"
  readonly of: (one: A) => string
}

/** The forms of the elements of a list. */
export interface Listing<in A> {
  readonly columns: ReadonlyArray<Column<A>>
  readonly id: (one: A) => string
  readonly json: (one: A) => Schema.Json
}

/** The widths of a table are those of its first elements, so that a long list needs no memory. */
const MEASURED = 200

/** Prints the elements of a list as they come. */
export const print = <A, E, R>(
  { format, quiet }: Style,
  listing: Listing<A>,
  elements: Stream.Stream<A, E, R>
): Effect.Effect<void, E | ReaderGone, R> => {
  const lines = (toLine: (one: A) => string) =>
    Stream.runForEachArray(elements, (some) => Stdout.writeLines(some.map(toLine)))
  if (quiet) return lines((one) => printableLine(listing.id(one)))
  switch (format) {
    case "ndjson":
      return lines((one) => JSON.stringify(listing.json(one)))
    case "plain":
      return lines((one) => listing.columns.map(({ of }) => cell(of(one))).join("\t"))
    case "json":
      return printJson(listing, elements)
    case "table":
      return printTable(listing, elements)
  }
}

const printJson = <A, E, R>(
  listing: Listing<A>,
  elements: Stream.Stream<A, E, R>
): Effect.Effect<void, E | ReaderGone, R> =>
  Effect.suspend(() => {
    let begun = false
    const before = () => {
      const text = begun ? ",\n" : "[\n"
      begun = true
      return text
    }
    return Stream.runForEachArray(elements, (some) =>
      Stdout.write(some.map((one) => `${before()}  ${JSON.stringify(listing.json(one))}`).join(""))
    ).pipe(Effect.andThen(Effect.suspend(() => Stdout.write(begun ? "\n]\n" : "[]\n"))))
  })

const printTable = <A, E, R>(
  { columns }: Listing<A>,
  elements: Stream.Stream<A, E, R>
): Effect.Effect<void, E | ReaderGone, R> =>
  Effect.gen(function* () {
    const { canColor } = yield* TerminalCapabilities
    let widths: ReadonlyArray<number> | undefined
    const lineOf = (cells: ReadonlyArray<string>) =>
      columns
        .map(({ align }, index) => pad(cells[index] ?? "", widths?.[index] ?? 0, align))
        .join("  ")
        .trimEnd()
    yield* Stream.runForEachArray(Stream.rechunk(elements, MEASURED), (some) => {
      const rows = some.map((one) => columns.map(({ of }) => cell(of(one))))
      if (widths !== undefined) return Stdout.writeLines(rows.map(lineOf))
      const titles = columns.map(({ title }) => title)
      widths = columns.map((_, index) =>
        Math.max(...[titles, ...rows].map((row) => CliOutput.displayWidth(row[index] ?? "")))
      )
      const head = lineOf(titles)
      return Stdout.writeLines([
        canColor ? `\u001b[1m${head}\u001b[22m` : head,
        ...rows.map(lineOf)
      ])
    })
  })

/** Prints the elements one by one, in columns of fixed width, for a list that does not end. */
export const follow = <A, E, R>(
  style: Style,
  listing: Listing<A>,
  elements: Stream.Stream<A, E, R>
): Effect.Effect<void, E | ReaderGone, R> =>
  style.quiet || style.format !== "table"
    ? // An array that never ends is of no use, so its elements are lines.
      print(
        { ...style, format: style.format === "json" ? "ndjson" : style.format },
        listing,
        elements
      )
    : Stream.runForEachArray(elements, (some) =>
        Stdout.writeLines(
          some.map((one) =>
            listing.columns
              .map(({ align, of, title }) => pad(cell(of(one)), title.length, align))
              .join("  ")
              .trimEnd()
          )
        )
      )

/** Prints the facts of one thing. */
export const printFacts = (
  { format, quiet }: Style,
  id: string,
  facts: ReadonlyArray<readonly [name: string, value: Schema.Json]>
): Effect.Effect<void, ReaderGone> => {
  if (quiet) return Stdout.writeLines([printableLine(id)])
  const object = Object.fromEntries(facts.map(([name, value]) => [name, value]))
  switch (format) {
    case "json":
      return Stdout.writeLines([JSON.stringify(object, undefined, 2)])
    case "ndjson":
      return Stdout.writeLines([JSON.stringify(object)])
    case "plain":
      return Stdout.writeLines(facts.map(([name, value]) => `${name}\t${cell(textOf(value))}`))
    case "table": {
      const width = Math.max(...facts.map(([name]) => name.length))
      return Stdout.writeLines(
        facts.map(([name, value]) => `${pad(name, width)}  ${cell(textOf(value))}`.trimEnd())
      )
    }
  }
}

/** Returns a value as a cell shows it: text without quotes. */
export const textOf = (value: Schema.Json): string =>
  typeof value === "string" ? value : value === null ? "" : JSON.stringify(value)

/** Returns a number of things: `1 event`, `12 events`. */
export const count = (value: number | bigint, noun: string, nouns = `${noun}s`): string =>
  `${value.toLocaleString("en-GB")} ${value === 1 || value === 1n ? noun : nouns}`

const cell = (text: string): string => printableLine(text)

const pad = (text: string, width: number, align: "left" | "right" = "left"): string => {
  const space = " ".repeat(Math.max(0, width - CliOutput.displayWidth(text)))
  return align === "left" ? text + space : space + text
}
