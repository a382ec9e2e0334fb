/**
 * What two sets of rows differ in.
 */
import * as Equal from "effect/Equal"
import { MAX_DIFFERENCES, type RowDifference } from "../ReadModelStore.ts"
import type { Any as AnyTable } from "../ReadModelTable.ts"
import type { StoredRow } from "../StoredRow.ts"

export const differences = (
  table: AnyTable,
  serving: ReadonlyMap<string, StoredRow>,
  rebuilt: ReadonlyMap<string, StoredRow>
): { readonly count: number; readonly differences: ReadonlyArray<RowDifference> } => {
  const found: Array<RowDifference> = []
  let count = 0
  for (const text of Array.from(new Set([...serving.keys(), ...rebuilt.keys()])).toSorted()) {
    const [one, other] = [serving.get(text), rebuilt.get(text)]
    if (one !== undefined && other !== undefined && Equal.equals(one, other)) continue
    count++
    if (found.length === MAX_DIFFERENCES) continue
    const row = one ?? other ?? {}
    found.push({
      key: Object.fromEntries(
        table.primaryKey.map(({ field }) => [field, row[field] ?? null] as const)
      ),
      ...(one === undefined ? {} : { serving: one }),
      ...(other === undefined ? {} : { rebuilt: other })
    })
  }
  return { count, differences: found }
}
