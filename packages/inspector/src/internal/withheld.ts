/**
 * The field of an answer that may withhold values.
 */
import * as Schema from "effect/Schema"

export const withheld = { withheld: Schema.Boolean }
