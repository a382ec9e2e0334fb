/**
 * The maximum bytes of the rows of an event: the same for a step after the log and for an append.
 */
import * as Result from "effect/Result"
import type { Changes, Poison } from "../../driver/ReadModelGeneration.ts"
import type { StoredRow } from "../../driver/StoredRow.ts"
import { type AnyModel, type Batch, byRecorded, fold, poisonOf } from "./rowFold.ts"
import { bytesOver } from "./rowSize.ts"

/**
 * The maximum bytes written in one statement: PostgreSQL takes 1 GB at once, and the host holds
 * them several times. `FEW_ROWS` rows or fewer never reach it.
 */
const MAX_STEP_BYTES = 256_000_000
const FEW_ROWS = 10

/** Returns the bytes of the rows, if they are too many to be written at once. */
export const tooMany = (
  { table }: AnyModel,
  { upserts }: Pick<Changes, "upserts">
): number | undefined =>
  upserts.length <= FEW_ROWS ? undefined : bytesOver(table.columns, upserts, MAX_STEP_BYTES)

/** Makes the poison for the first event of a batch, whose rows have too many bytes. */
export const tooManyAt = ({ prepared }: Batch<unknown, object>, bytes: number): Poison => {
  const first = prepared[0]
  if (first === undefined) throw new Error("no event touches the rows")
  const issue = `the rows that it touches have ${bytes} bytes, at most ${MAX_STEP_BYTES} are written at once`
  return poisonOf(first.recorded, "NoRow", issue)
}

/** Folds events that are appended together; each is bounded as if it were appended alone. */
export const foldBounded = (
  model: AnyModel,
  batch: Batch<unknown, object>,
  rows: ReadonlyMap<string, StoredRow>
): Result.Result<Changes, Poison> => {
  const changes = fold(model, batch, rows)
  if (Result.isFailure(changes) || tooMany(model, changes.success) === undefined) return changes
  const known = new Map(rows)
  for (const one of byRecorded(batch)) {
    const folded = fold(model, one, known)
    if (Result.isFailure(folded)) return folded
    const { deletions, upserts } = folded.success
    const bytes = tooMany(model, { upserts })
    if (bytes !== undefined) return Result.fail(tooManyAt(one, bytes))
    for (const row of upserts) known.set(model.table.keyText(row), row)
    for (const key of deletions) known.delete(model.table.keyText(key))
  }
  return changes
}
