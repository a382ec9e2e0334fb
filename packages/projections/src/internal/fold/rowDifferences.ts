/**
 * The differences between two sets of rows.
 */
import * as Equal from "effect/Equal"
import { MAX_DIFFERENCES, MAX_DIFFERENCES_BYTES, type RowDifference } from "../../ReadModelError.ts"
import type { Any as AnyTable } from "../../driver/ReadModelTable.ts"
import type { StoredRow } from "../../driver/StoredRow.ts"
import { rowOrder } from "../../driver/RowSelection.ts"
import { bytesOf } from "./rowSize.ts"

export const differences = (
  table: AnyTable,
  serving: ReadonlyMap<string, StoredRow>,
  rebuilt: ReadonlyMap<string, StoredRow>
): { readonly count: number; readonly differences: ReadonlyArray<RowDifference> } => {
  const inOrder = rowOrder(table, [])
  // The rows of both sets by key; the serving row if both have one.
  const all = new Map([...rebuilt, ...serving])
  const different = Array.from(all).filter(
    ([text]) => !Equal.equals(serving.get(text), rebuilt.get(text))
  )
  let bytes = 0
  const fits = (text: string) => {
    const before = bytes
    for (const row of [serving.get(text), rebuilt.get(text)]) {
      if (row !== undefined) bytes += bytesOf(table.columns, row)
    }
    return before <= MAX_DIFFERENCES_BYTES
  }
  return {
    count: different.length,
    differences: different
      .toSorted(([, a], [, b]) => inOrder(a, b))
      .slice(0, MAX_DIFFERENCES)
      .filter(([text]) => fits(text))
      .map(([text, row]): RowDifference => {
        const [one, other] = [serving.get(text), rebuilt.get(text)]
        return {
          key: Object.fromEntries(
            table.primaryKey.map(({ field }) => [field, row[field] ?? null] as const)
          ),
          ...(one === undefined ? {} : { serving: one }),
          ...(other === undefined ? {} : { rebuilt: other })
        }
      })
  }
}
