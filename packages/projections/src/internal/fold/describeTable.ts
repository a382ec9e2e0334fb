/**
 * Describes the properties of a table that may change only with a new version, in readable lines.
 */
import * as EventCodec from "@daybook/kernel/EventCodec"
import type * as Projection from "@daybook/kernel/Projection"
import * as SchemaLock from "@daybook/kernel/SchemaLock"
import * as Schema from "effect/Schema"
import type { Column } from "../../driver/StoredRow.ts"

/** Returns the lines of the description; the order of the fields does not change them. */
export const describe = (
  row: Projection.RowSchema<unknown>,
  columns: ReadonlyArray<Column>,
  primaryKey: ReadonlyArray<Column>,
  indexes: ReadonlyArray<ReadonlyArray<Column>>
): ReadonlyArray<string> => [
  ...columns
    .flatMap((column) => [
      `${column.name} ${column.type}${column.nullable ? "" : " not null"}`,
      ...fieldsOf(row, column).map(([path, what]) => `${column.name} holds ${path}: ${what}`)
    ])
    .toSorted(),
  `primary key (${names(primaryKey)})`,
  ...indexes.map((index) => `index (${names(index)})`).toSorted()
]

const names = (columns: ReadonlyArray<Column>) => columns.map(({ name }) => name).join(", ")

/** Describes the stored and accepted values of a field, in the format of a lock file. */
const fieldsOf = (
  row: Projection.RowSchema<unknown>,
  { field }: Column
): ReadonlyArray<readonly [path: string, what: string]> => {
  const it = row.fields[field]
  if (it === undefined) return []
  const schema = Schema.Struct({ it }) as Schema.Top as Schema.Codec<unknown, unknown>
  const { events } = SchemaLock.describe({
    ...empty,
    versions: [{ names: ["row"], schemaVersion: 1, schema }]
  })
  return Object.entries(events["row"]?.["1"] ?? {})
}

const empty = EventCodec.make({ name: "row", events: Schema.TaggedUnion({ Row: {} }) })
