/**
 * Converts between stored values and values of PostgreSQL's binary protocol.
 */
import * as PgTypes from "@daybook/store/sql/PgTypes"
import * as Arr from "effect/Array"
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import type { Column, ColumnType, StoredRow } from "../../driver/StoredRow.ts"
import { sqlInstant } from "../fold/instants.ts"

interface Codec {
  /** The type that parameters are sent as. */
  readonly oid: number
  readonly parameter: (value: never) => PgTypes.Parameter
  /** The cast from the parameter's type to the column's. */
  readonly cast: string
  readonly write: (value: NonNullable<Schema.Json>) => unknown
  /** The cast with which the column is read. */
  readonly readAs: string
  /** Converts a decoded value without checking it, since `write` has written it. */
  readonly read: (value: unknown) => Schema.Json
}

const { OID } = PgTypes

const same = (value: unknown) => value

/** Reads the types that the client itself decodes to the stored form, which is JSON. */
const asItIs = (value: unknown) => value as Schema.Json

const codecs: Record<ColumnType, Codec> = {
  text: { oid: OID.text, parameter: PgTypes.text, cast: "", write: same, readAs: "", read: asItIs },
  // Safe integers are exact both as JSON numbers and as bigints.
  bigint: {
    oid: OID.int8,
    parameter: PgTypes.int8,
    cast: "",
    write: (value) => BigInt(value as number),
    readAs: "",
    read: Number
  },
  // As text both ways: its digits are its JSON form, and the client's own binary form would only be
  // a detour.
  numeric: {
    oid: OID.text,
    parameter: PgTypes.text,
    cast: "::numeric",
    write: same,
    readAs: "::text",
    read: asItIs
  },
  "double precision": {
    oid: OID.float8,
    parameter: PgTypes.float8,
    cast: "",
    write: same,
    readAs: "",
    read: asItIs
  },
  boolean: {
    oid: OID.bool,
    parameter: PgTypes.bool,
    cast: "",
    write: same,
    readAs: "",
    read: asItIs
  },
  // Sent as text: the client's own binary form loses a millisecond of some instants after the year
  // 4253.
  timestamptz: {
    oid: OID.text,
    parameter: PgTypes.text,
    cast: "::timestamptz",
    write: (value) => sqlInstant(value as string),
    readAs: "",
    read: (value) => (value as Date).toISOString()
  },
  uuid: { oid: OID.uuid, parameter: PgTypes.uuid, cast: "", write: same, readAs: "", read: asItIs },
  jsonb: {
    oid: OID.text,
    parameter: PgTypes.text,
    cast: "::jsonb",
    write: (value) => JSON.stringify(value),
    readAs: "",
    read: asItIs
  }
}

/** Quotes an identifier, whatever characters it has. */
export const quoted = (identifier: string): string => `"${identifier.replaceAll('"', '""')}"`

/** Returns the type of a parameter that holds a column of values, as in `$4::text[]`. */
export const arrayType = ({ type }: Column): string => `${arrayTypes[codecs[type].oid] ?? ""}[]`

const arrayTypes: Readonly<Record<number, string>> = {
  [OID.text]: "text",
  [OID.int8]: "bigint",
  [OID.float8]: "double precision",
  [OID.bool]: "boolean",
  [OID.uuid]: "uuid"
}

/** Casts an expression from the parameter's type to the column's; `suffix` makes it an array. */
export const cast = (expression: string, { type }: Column, suffix: "" | "[]" = ""): string =>
  codecs[type].cast === "" ? expression : `${expression}${codecs[type].cast}${suffix}`

/** Returns the select list of an alias, for {@link readRow} to decode. */
export const selected = (alias: string, columns: ReadonlyArray<Column>): string =>
  columns.map(({ name, type }) => `${alias}.${quoted(name)}${codecs[type].readAs}`).join(", ")

/** Returns the values of a column as one parameter. */
export const array = ({ type }: Column, values: ReadonlyArray<Schema.Json | undefined>) => {
  const { oid, write } = codecs[type]
  return Result.getOrThrow(
    // Each of these element types has an array type.
    PgTypes.array(
      values.map((value) => (value === null || value === undefined ? null : write(value))),
      oid
    )
  )
}

/** Returns the columns of rows, one parameter each. */
export const arrays = (columns: ReadonlyArray<Column>, rows: ReadonlyArray<StoredRow>) =>
  columns.map((column) =>
    array(
      column,
      rows.map((row) => row[column.field])
    )
  )

/** Returns one value as a parameter. */
export const scalar = ({ type }: Column, value: NonNullable<Schema.Json>): PgTypes.Parameter => {
  const { parameter, write } = codecs[type]
  // A codec writes values of its own parameter's type.
  return parameter(write(value) as never)
}

/** Reads a row from the values that {@link selected} selects, from `offset` on. */
export const readRow = (
  columns: ReadonlyArray<Column>,
  values: ReadonlyArray<unknown>,
  offset = 0
): StoredRow => {
  const row: Record<string, Schema.Json> = {}
  for (let at = 0; at < columns.length; at++) {
    const { field, type } = Arr.getUnsafe(columns, at)
    const value = values[at + offset]
    row[field] = value === null || value === undefined ? null : codecs[type].read(value)
  }
  return row
}
