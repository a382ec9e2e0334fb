/**
 * Checks appends against the rules of every store before anything is written: for importers, which
 * check a whole source first.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import type { Append, AppendRefused } from "./EventStore.ts"
import { encodeAppends } from "./internal/driver/encodeAppends.ts"

/**
 * Returns the refusal that `append` would get from every store, as far as it does not depend on the
 * contents of the store.
 *
 * @category operations
 * @since 0.1.0
 */
export const check = (append: Append): Result.Result<void, AppendRefused> =>
  Result.map(encodeAppends([append], []), () => undefined)
