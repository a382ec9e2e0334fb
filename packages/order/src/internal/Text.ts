/**
 * Bounded text that every store returns unchanged.
 */
import * as Schema from "effect/Schema"

// All of Unicode but \p{Cc}, control characters, \p{Cs}, unpaired surrogates, and \p{Zl} and
// \p{Zp}, which break lines. It is written in ranges because `effect/Arbitrary` generates from
// ranges and not from properties.
const PRINTABLE = "[ -~\\u00a0-\\u2027\\u202a-\\ud7ff\\ue000-\\u{10ffff}]"

/**
 * Builds a schema of well-formed Unicode without control characters or line breaks, of `minimum` to
 * `maximum` code points. A store refuses lone surrogates and U+0000, and a name has no line breaks.
 */
export const text = (minimum: number, maximum: number) =>
  Schema.String.check(
    Schema.isPattern(new RegExp(`^${PRINTABLE}{${minimum},${maximum}}$`, "u"), {
      expected: `${minimum} to ${maximum} characters of Unicode without control characters or line breaks`
    })
  )

/** The id of a customer, a product, a parcel or a carrier in another system. */
export const identifier = text(1, 200)

/** A line of an address. */
export const line = text(1, 200)

/** A text written by a person, in one line. */
export const sentence = text(1, 1_000)
