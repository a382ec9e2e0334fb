/**
 * Calls of the functions that append, by hand, with arguments that no store would send.
 */
import * as SecureRandom from "effect/crypto/SecureRandom"
import type { SqlClient } from "effect/sql/SqlClient"

/** The arguments, as the text of arrays. */
export interface Arguments {
  readonly streams: string
  readonly expected: string
  readonly counts: string
  readonly ids: string
  readonly types: string
  readonly versions: string
  readonly data: string
  readonly metadata: string
  readonly times: string
}

/** A function that appends, and its last parameters. */
export type Function = readonly [name: string, more: string]
export const append: Function = ["append", ", 100"]
export const functions: ReadonlyArray<Function> = [append, ["try_append", ""]]
/** It takes one event, the first of the arrays. */
const ofOneEvent: Function = ["try_append_event", ""]
export const allFunctions: ReadonlyArray<Function> = [...functions, ofOneEvent]

export const array = (length: number, element: () => string) =>
  `{${Array.from({ length }, element).join(",")}}`

export const uuid = () => SecureRandom.uuidV4Unsafe()

/**
 * Returns the arguments of an append of `rows` events to a stream of its own; `shape` sets the form
 * of each.
 */
export const appendOf = (
  rows: number,
  shape: (element: () => string) => () => string = (element) => element
): Arguments => {
  const events = (element: () => string) => array(rows, shape(element))
  return {
    streams: `{forged-${uuid()}}`,
    expected: "{-2}",
    counts: `{${rows}}`,
    ids: events(uuid),
    types: events(() => "Forged"),
    versions: events(() => "1"),
    data: events(() => "1"),
    metadata: events(() => '"{}"'),
    times: events(() => "2001-01-01")
  }
}

const quoted = (text: string) => `'${text.replaceAll("'", "''")}'`

export const call = (sql: SqlClient, fn: Function, a: Arguments, allOrNone: boolean) =>
  sql.unsafe(fn === ofOneEvent ? callOfOneEvent(a) : callOfArrays(fn, a, allOrNone))

const callOfArrays = ([name, parameters]: Function, a: Arguments, allOrNone: boolean) =>
  `SELECT * FROM daybook.${name}(${[
    a.streams,
    a.expected,
    a.counts,
    a.ids,
    a.types,
    a.versions,
    a.data,
    a.metadata,
    a.times
  ]
    .map(quoted)
    .join(", ")}, ${allOrNone}${parameters})`

const callOfOneEvent = (a: Arguments) =>
  `SELECT * FROM daybook.${ofOneEvent[0]}(${[
    [a.streams, "text"],
    [a.expected, "bigint"],
    [a.ids, "uuid"],
    [a.types, "text"],
    [a.versions, "smallint"],
    [a.data, "json"],
    [a.metadata, "json"],
    [a.times, "timestamptz"]
  ]
    .map(([array = "", type = ""]) => `(${quoted(array)}::${type}[])[1]`)
    .join(", ")})`

/** Returns an array of one text, with any content. */
export const one = (text: string): string =>
  `{"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"}`
