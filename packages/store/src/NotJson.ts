/**
 * The reasons for which JSON of events and states is refused.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * A value that JSON of events and states must not hold, since no store could return it unchanged.
 *
 * @category types
 * @since 0.1.0
 */
export const NotJson = Schema.Literals([
  "undefined",
  "function",
  "symbol",
  "bigint",
  "NaN",
  "Infinity",
  "-0",
  "an integer past 2^53 - 1",
  "a lone surrogate",
  "U+0000",
  "an object that is not plain",
  "a sparse array",
  "deeper nesting than allowed"
])

/**
 * @category types
 * @since 0.1.0
 */
export type NotJson = typeof NotJson.Type
