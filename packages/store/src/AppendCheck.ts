/**
 * What every store refuses, asked before anything is appended: for importers, which look at all of a source
 * before they write any of it.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import type { Append, AppendRefused } from "./EventStore.ts"
import { encodeAppends } from "./internal/driver/encodeAppends.ts"

/**
 * Whether every store takes `append`, as far as that does not depend on what it holds.
 *
 * @category operations
 * @since 0.1.0
 */
export const check = (append: Append): Result.Result<void, AppendRefused> =>
  Result.map(encodeAppends([append], []), () => undefined)
