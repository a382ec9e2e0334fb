/**
 * The first of many lines, for records and logs that have a limit.
 *
 * The names of objects that others made may be any number, so a record that lists all of them could
 * outgrow its limit and make the recorded act fail.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import type * as Named from "./Named.ts"

/**
 * The number of lines, and the first of them.
 *
 * @category types
 * @since 0.1.0
 */
export const Listed = Schema.Struct({
  count: Schema.Int,
  /** At most 100 lines of 400 UTF-16 code units, and 24 KiB as JSON. */
  first: Schema.Array(Schema.String)
})

/**
 * @category types
 * @since 0.1.0
 */
export type Listed = Named.Struct<typeof Listed>

const MOST_LINES = 100

/** The signature of a function may have a hundred names of types. */
const MOST_LENGTH = 400

/** The details of an act have 64 KiB, and one act has two lists. */
const MOST_BYTES = 24 * 1_024

/**
 * No lines.
 *
 * @category constructors
 * @since 0.1.0
 */
export const none: Listed = { count: 0, first: [] }

/**
 * Counts all lines, and keeps the first of them. A long line is cut.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (lines: ReadonlyArray<string>): Listed => {
  const first: Array<string> = []
  let bytes = 0
  for (const line of lines.slice(0, MOST_LINES)) {
    const short =
      line.length <= MOST_LENGTH ? line : `${line.slice(0, MOST_LENGTH - 3).toWellFormed()}...`
    // One more for the comma.
    bytes += bytesOf(JSON.stringify(short)) + 1
    if (bytes > MOST_BYTES) break
    first.push(short)
  }
  return { count: lines.length, first }
}

/** The bytes of well-formed text in UTF-8. */
const bytesOf = (text: string): number => {
  let bytes = 0
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4
  }
  return bytes
}

/**
 * Returns the lines in one text, with the number of those that are left out.
 *
 * @category destructors
 * @since 0.1.0
 */
export const text = ({ count, first }: Listed): string =>
  count > first.length
    ? [...first, `and ${count - first.length} more`].join(", ")
    : first.join(", ")
