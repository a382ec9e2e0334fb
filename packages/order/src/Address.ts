/**
 * Where an order is shipped to.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { line, text } from "./internal/Text.ts"

/**
 * A postal address.
 *
 * **Details**
 * `country`: a code in the form of ISO 3166-1 alpha-2, such as `GB`; only its form is checked.
 * `postalCode`: may be empty, since not every country has them.
 *
 * @category types
 * @since 0.1.0
 */
export const Address = Schema.Struct({
  recipient: line,
  line1: line,
  line2: Schema.optionalKey(line),
  city: line,
  region: Schema.optionalKey(line),
  postalCode: text(0, 20),
  country: Schema.String.check(
    Schema.isPattern(/^[A-Z]{2}$/, { expected: "a country code: two capital letters" })
  )
})

/**
 * @category types
 * @since 0.1.0
 */
export type Address = typeof Address.Type

/**
 * Whether two addresses are the same, field by field.
 *
 * @category operations
 * @since 0.1.0
 */
export const equivalence = Schema.toEquivalence(Address)
