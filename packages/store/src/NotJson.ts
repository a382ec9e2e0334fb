/**
 * What the JSON of events and states is refused for.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * What a JSON value must not hold, since no store could give it back as it was.
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
