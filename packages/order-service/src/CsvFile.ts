/**
 * Reads a CSV file of orders as a stream of records with line numbers, checked down to its bytes.
 *
 * **Details**
 * UTF-8, with or without a byte order mark; LF or CRLF; RFC 4180 quotes. Blank lines are skipped.
 * A file with broken bytes or quotes is refused whole, since the ends of its rows are unknown.
 *
 * @since 0.1.0
 */
import { printable } from "@daybook/kernel/Printable"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Csv from "effect/encoding/Csv"
import * as FileSystem from "effect/FileSystem"
import type { PlatformError } from "effect/PlatformError"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"

/**
 * The columns of a file of orders, in this order.
 *
 * @category constants
 * @since 0.1.0
 */
export const HEADER = [
  "InvoiceNo",
  "StockCode",
  "Description",
  "Quantity",
  "InvoiceDate",
  "UnitPrice",
  "CustomerID",
  "Country"
] as const

/** The longest cell, in UTF-16 code units: the limit of a spreadsheet, the source of such files. */
const MAX_CELL_LENGTH = 32_767

/**
 * The cells of one record, and its line.
 *
 * @category types
 * @since 0.1.0
 */
export interface CsvRecord {
  /** The line of the file where the record starts, counted from 1. */
  readonly line: number
  readonly cells: ReadonlyArray<string>
}

const FileProblem = Schema.TaggedUnion({
  Missing: {},
  NotAFile: { found: Schema.String },
  Unreadable: { why: Schema.String },
  Empty: {},
  /** `byte` is the first byte of the first broken character. */
  NotUtf8: { line: Schema.Int, byte: Schema.Int },
  /** The last character lacks bytes. */
  CutOff: { line: Schema.Int },
  NotCsv: { line: Schema.Int, problem: Schema.String },
  /** `line`: where the record starts. `column`: counted from 1. */
  CellTooLong: { line: Schema.Int, column: Schema.Int, length: Schema.Int },
  WrongHeader: { line: Schema.Int, found: Schema.Array(Schema.String) }
})

/**
 * The file at `path` cannot be read as orders; no row of it was imported.
 *
 * @category errors
 * @since 0.1.0
 */
export class CsvFileError extends Data.TaggedError("CsvFileError")<{
  readonly path: string
  readonly problem: typeof FileProblem.Type
}> {
  override get message() {
    const what = FileProblem.match(this.problem, {
      Missing: () => "no such file",
      NotAFile: ({ found }) => `not a file but a ${found}`,
      Unreadable: ({ why }) => why,
      Empty: () => `the file is empty, expected the header ${HEADER.join(",")}`,
      NotUtf8: ({ byte, line }) =>
        `line ${line}: not UTF-8 text (byte 0x${byte.toString(16).toUpperCase().padStart(2, "0")})`,
      CutOff: ({ line }) => `line ${line}: not UTF-8 text (the file ends inside a character)`,
      NotCsv: ({ line, problem }) => `line ${line}: not CSV: ${problem}`,
      CellTooLong: ({ column, length, line }) =>
        `line ${line}: column ${column}${named(column)} has ${length} characters, allowed are ${MAX_CELL_LENGTH}`,
      WrongHeader: ({ found, line }) =>
        `line ${line}: the header is ${excerpt(found.join(","))}, expected ${HEADER.join(",")}`
    })
    return `${this.path}: ${what}`
  }
}

const named = (column: number): string => {
  const name = HEADER[column - 1]
  return name === undefined ? "" : ` (${name})`
}

const excerpt = (text: string): string =>
  printable(text.length > 100 ? `${text.slice(0, 100)}...` : text)

/**
 * Reads the records of the file after its header, in bounded memory.
 *
 * @category constructors
 * @since 0.1.0
 */
export const records = (
  path: string
): Stream.Stream<CsvRecord, CsvFileError, FileSystem.FileSystem> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const fail = (problem: typeof FileProblem.Type) => new CsvFileError({ path, problem })
      const failPlatform = (error: PlatformError) => fail(platformProblem(error))
      const info = yield* Effect.mapError(fs.stat(path), failPlatform)
      // The import reads the file twice, and a pipe can be read only once.
      if (info.type !== "File") {
        return yield* fail({ _tag: "NotAFile", found: TYPE_NAMES[info.type] })
      }
      return fs.stream(path).pipe(
        Stream.mapError(failPlatform),
        (bytes) => decodeUtf8(bytes, fail),
        Stream.pipeThroughChannelOrFail(Csv.decodeString<CsvFileError>()),
        Stream.mapError((error) =>
          error._tag === "CsvError"
            ? fail({ _tag: "NotCsv", line: error.line, problem: error.message })
            : error
        ),
        numbered,
        Stream.mapEffect((record) => withinLimit(record, fail)),
        (all) => withoutHeader(all, fail)
      )
    })
  )

const TYPE_NAMES = {
  File: "file",
  Directory: "directory",
  SymbolicLink: "symbolic link",
  BlockDevice: "block device",
  CharacterDevice: "character device",
  FIFO: "pipe",
  Socket: "socket",
  Unknown: "special file"
}

const platformProblem = (error: PlatformError): typeof FileProblem.Type => {
  switch (error.reason._tag) {
    case "NotFound":
      return { _tag: "Missing" }
    case "PermissionDenied":
      return { _tag: "Unreadable", why: "permission denied" }
    default:
      return { _tag: "Unreadable", why: `cannot be read (${error.reason.message})` }
  }
}

type Fail = (problem: typeof FileProblem.Type) => CsvFileError

/** Decodes UTF-8 strictly, unlike `Stream.decodeText`, which replaces broken bytes by U+FFFD. */
const decodeUtf8 = <R>(
  bytes: Stream.Stream<Uint8Array, CsvFileError, R>,
  fail: Fail
): Stream.Stream<string, CsvFileError, R> =>
  Stream.suspend(() => {
    const decoder = new TextDecoder("utf-8", { fatal: true })
    let lines = 1
    let lastCharacter = new Uint8Array()
    const decode = (chunk: Uint8Array) =>
      Effect.try({
        try: () => {
          const text = decoder.decode(chunk, { stream: true })
          lines += lineFeeds(chunk)
          lastCharacter = lastOf(Buffer.concat([lastCharacter, chunk]))
          return text
        },
        catch: () => {
          const suspect = Buffer.concat([lastCharacter, chunk])
          const index = firstBroken(suspect)
          const before = suspect.subarray(
            lastCharacter.length,
            Math.max(index, lastCharacter.length)
          )
          return fail({
            _tag: "NotUtf8",
            line: lines + lineFeeds(before),
            byte: suspect[index] ?? 0
          })
        }
      })
    const end = Effect.try({
      try: () => decoder.decode(),
      catch: () => fail({ _tag: "CutOff", line: lines })
    })
    return Stream.concat(Stream.mapEffect(bytes, decode), Stream.fromEffect(end))
  })

const lineFeeds = (bytes: Uint8Array): number => {
  let found = 0
  for (const byte of bytes) if (byte === 0x0a) found++
  return found
}

/** Returns the bytes of the last character that are present. */
const lastOf = (bytes: Uint8Array): Uint8Array<ArrayBuffer> =>
  bytes.slice(Math.max(0, bytes.findLastIndex(beginsCharacter)))

const beginsCharacter = (byte: number): boolean => (byte & 0xc0) !== 0x80

/**
 * Returns the index of the first broken character. A byte may be invalid only because of the next
 * one: in Latin-1 `é,` is E9 2C, E9 begins a character of three bytes, and the comma breaks it.
 */
const firstBroken = (bytes: Uint8Array): number => {
  const end = firstInvalid(bytes)
  const before = bytes.subarray(0, end)
  return isUtf8(before, false) ? end : before.findLastIndex(beginsCharacter)
}

/**
 * Bisects for the first invalid byte: the prefixes that include it are invalid, all others valid.
 */
const firstInvalid = (bytes: Uint8Array): number => {
  let valid = 0
  let invalid = bytes.length
  while (invalid - valid > 1) {
    const middle = Math.floor((valid + invalid) / 2)
    if (isUtf8(bytes.subarray(0, middle), true)) valid = middle
    else invalid = middle
  }
  return invalid - 1
}

/** Tests for valid UTF-8; with `goesOn` the last character may lack bytes. */
const isUtf8 = (bytes: Uint8Array, goesOn: boolean): boolean => {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: goesOn })
    return true
  } catch {
    return false
  }
}

/** Adds line numbers, which the decoder omits: a record spans the line breaks inside its quotes. */
const numbered = <E, R>(
  rows: Stream.Stream<ReadonlyArray<string>, E, R>
): Stream.Stream<CsvRecord, E, R> =>
  Stream.suspend(() => {
    let next = 1
    return Stream.map(rows, (cells) => {
      const line = next
      next += 1 + cells.reduce((breaks, cell) => breaks + lineBreaks(cell), 0)
      return { line, cells }
    })
  }).pipe(Stream.filter(({ cells }) => cells.length > 1 || cells[0]?.trim() !== ""))

const lineBreaks = (cell: string): number => cell.match(/\r\n|\r|\n/g)?.length ?? 0

const withinLimit = (record: CsvRecord, fail: Fail): Effect.Effect<CsvRecord, CsvFileError> => {
  const index = record.cells.findIndex((cell) => cell.length > MAX_CELL_LENGTH)
  const length = record.cells[index]?.length
  return length === undefined
    ? Effect.succeed(record)
    : Effect.fail(fail({ _tag: "CellTooLong", line: record.line, column: index + 1, length }))
}

const withoutHeader = <R>(
  all: Stream.Stream<CsvRecord, CsvFileError, R>,
  fail: Fail
): Stream.Stream<CsvRecord, CsvFileError, R> =>
  Stream.suspend(() => {
    let seen = false
    const skip = Stream.filterEffect(all, ({ cells, line }) => {
      if (seen) return Effect.succeed(true)
      seen = true
      const matches =
        cells.length === HEADER.length &&
        HEADER.every((name, index) => cells[index]?.trim() === name)
      return matches
        ? Effect.succeed(false)
        : Effect.fail(fail({ _tag: "WrongHeader", line, found: cells }))
    })
    const orEmpty = Effect.suspend(() =>
      seen ? Effect.void : Effect.fail(fail({ _tag: "Empty" }))
    )
    return Stream.concat(skip, Stream.fromEffectDrain(orEmpty))
  })
