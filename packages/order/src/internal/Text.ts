/**
 * Bounded text that every store keeps as it is.
 */
import * as Schema from "effect/Schema"

// All of Unicode but \p{Cc}, control characters, \p{Cs}, unpaired surrogates, and \p{Zl} and \p{Zp}, which
// break lines; in ranges, since `effect/Arbitrary` generates from ranges and not from properties.
const PRINTABLE = "[ -~\\u00a0-\\u2027\\u202a-\\ud7ff\\ue000-\\u{10ffff}]"

/**
 * Well-formed Unicode without control characters or line breaks, of `minimum` to `maximum` code points: a store
 * refuses lone surrogates and U+0000, and a line break has no place in a name.
 */
export const text = (minimum: number, maximum: number) =>
  Schema.String.check(
    Schema.isPattern(new RegExp(`^${PRINTABLE}{${minimum},${maximum}}$`, "u"), {
      expected: `${minimum} to ${maximum} characters of Unicode without control characters or line breaks`
    })
  )

/** Identifies a customer, a product or a parcel in another system. */
export const identifier = text(1, 200)

/** A line of an address. */
export const line = text(1, 200)

/** What a person wrote, in one line. */
export const sentence = text(1, 1_000)
