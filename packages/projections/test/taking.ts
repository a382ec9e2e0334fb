/**
 * Steps with a fold in between: what a runner does with a page, for tests of a store.
 */
import type { ClaimLost, ReadModelStoreError } from "@daybook/projections/ReadModelError"
import type { Changes, Claim, Load, Step } from "@daybook/projections/driver/ReadModelGeneration"
import type { ReadModelStore } from "@daybook/projections/ReadModelStore"
import type { Any as AnyTable } from "@daybook/projections/driver/ReadModelTable"
import type { StoredRow } from "@daybook/projections/driver/StoredRow"
import * as Effect from "effect/Effect"
import type * as Result from "effect/Result"

/** A step before its fold. */
export interface Folding<E> extends Omit<Step, "changes">, Load {
  readonly fold: (rows: ReadonlyMap<string, StoredRow>) => Result.Result<Changes, E>
}

/** Loads the rows of a step, folds, and writes the changes. */
export const take = Effect.fnUntraced(function* <E>(
  store: ReadModelStore["Service"],
  table: AnyTable,
  claim: Claim,
  { fold, keys, ...step }: Folding<E>
): Effect.fn.Return<void, E | ClaimLost | ReadModelStoreError> {
  const rows = yield* store.load(table, claim, { ...step, keys })
  const changes = yield* Effect.fromResult(fold(rows))
  yield* store.advance(table, claim, { ...step, changes })
})
