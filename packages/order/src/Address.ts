/**
 * The address that an order is shipped to.
 *
 * @since 0.1.0
 */
import type * as Named from "@daybook/kernel/Named"
import * as Schema from "effect/Schema"
import { line, text } from "./internal/Text.ts"

/**
 * A postal address.
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
  /** May be empty, since not every country has postal codes. */
  postalCode: text(0, 20),
  /** A code in the form of ISO 3166-1 alpha-2, such as `GB`; only its form is checked. */
  country: Schema.String.check(
    Schema.isPattern(/^[A-Z]{2}$/, { expected: "a country code: two capital letters" })
  )
})

/**
 * @category types
 * @since 0.1.0
 */
export type Address = Named.Struct<typeof Address>

/**
 * Tests if two addresses are equal, field by field.
 *
 * @category operations
 * @since 0.1.0
 */
export const equivalence = Schema.toEquivalence(Address)
