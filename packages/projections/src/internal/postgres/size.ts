/**
 * The size of a row as an SQL expression, to end an answer before it is too large for the host.
 */
import type { Column } from "../../driver/StoredRow.ts"
import { quoted } from "./columns.ts"

/** The stored bytes, perhaps compressed, above which JSON is measured by its text. */
const LARGE_JSON = 2_000

/** Returns the approximate bytes of a row's large columns; undefined if no column can be large. */
export const sizeOf = (alias: string, columns: ReadonlyArray<Column>): string | undefined => {
  const sizes = columns.flatMap(({ name, type }) => {
    const column = `${alias}.${quoted(name)}`
    // PostgreSQL knows the length of a text without reading it.
    if (type === "text") return [`coalesce(octet_length(${column}), 0)`]
    // Two bytes are four digits.
    if (type === "numeric") return [`coalesce(pg_catalog.pg_column_size(${column}) * 2, 0)`]
    if (type !== "jsonb") return []
    return [
      `CASE WHEN pg_catalog.pg_column_size(${column}) > ${LARGE_JSON} THEN octet_length(${column}::text) ` +
        `ELSE coalesce(pg_catalog.pg_column_size(${column}), 0) END`
    ]
  })
  return sizes.length === 0 ? undefined : sizes.join(" + ")
}
