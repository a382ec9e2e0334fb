/**
 * How many bytes PostgreSQL sends of a row, in its own words: to end an answer before it is too much for the host.
 */
import type { Column } from "../../StoredRow.ts"
import { quoted } from "./columns.ts"

/** JSON of more bytes, compressed as it may be, is written out to be measured. */
const LARGE_JSON = 2_000

/** About how many bytes the columns of a row have that may have many; nothing when none may. */
export const sizeOf = (alias: string, columns: ReadonlyArray<Column>): string | undefined => {
  const sizes = columns.flatMap(({ name, type }) => {
    const column = `${alias}.${quoted(name)}`
    // The length of a text is told without reading it.
    if (type === "text") return [`coalesce(octet_length(${column}), 0)`]
    // Two bytes are four digits.
    if (type === "numeric") return [`coalesce(pg_column_size(${column}) * 2, 0)`]
    if (type !== "jsonb") return []
    return [
      `CASE WHEN pg_column_size(${column}) > ${LARGE_JSON} THEN octet_length(${column}::text) ` +
        `ELSE coalesce(pg_column_size(${column}), 0) END`
    ]
  })
  return sizes.length === 0 ? undefined : sizes.join(" + ")
}
