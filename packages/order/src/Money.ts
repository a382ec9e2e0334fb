/**
 * Amounts of money: whole minor units of a currency, never floats.
 *
 * @since 0.1.0
 */
import type * as Named from "@daybook/kernel/Named"
import * as Schema from "effect/Schema"

/**
 * The largest amount in minor units: 2^53 - 1, the largest integer that JSON carries exactly.
 *
 * @category limits
 * @since 0.1.0
 */
export const MAX_MINOR = Number.MAX_SAFE_INTEGER

/**
 * An alphabetic code in the form of ISO 4217, such as `GBP`.
 *
 * **Details**
 * Only its form is checked: the list of currencies changes more often than this code.
 *
 * @category types
 * @since 0.1.0
 */
export const Currency = Schema.String.check(
  Schema.isPattern(/^[A-Z]{3}$/, { expected: "a currency code: three capital letters" })
)

/**
 * @category types
 * @since 0.1.0
 */
export type Currency = typeof Currency.Type

/**
 * A whole number of minor units, such as pence: 0 to {@link MAX_MINOR}.
 *
 * @category types
 * @since 0.1.0
 */
export const MinorUnits = Schema.Int.check(
  Schema.isBetween({ minimum: 0, maximum: MAX_MINOR }),
  // -0 does not survive JSON: JSON.stringify(-0) is "0".
  Schema.makeFilter((minor: number) => !Object.is(minor, -0), { expected: "0 rather than -0" })
)

/**
 * An amount in a currency.
 *
 * @category types
 * @since 0.1.0
 */
export const Money = Schema.Struct({ currency: Currency, minor: MinorUnits })

/**
 * @category types
 * @since 0.1.0
 */
export type Money = Named.Struct<typeof Money>

/**
 * Returns the price of `quantity` units in minor units, exactly, however large.
 *
 * @category operations
 * @since 0.1.0
 */
export const times = (unitMinor: number, quantity: number): bigint =>
  BigInt(unitMinor) * BigInt(quantity)

/**
 * Writes an amount for people, such as `GBP 1,234.50`, `JPY 1,235` or `KWD 1.235`.
 *
 * @category destructors
 * @since 0.1.0
 */
export const format = (money: {
  readonly currency: Currency
  readonly minor: number | bigint
}): string => {
  const minor = BigInt(money.minor)
  const decimals = EXPONENTS.get(money.currency) ?? 2
  const digits = (minor < 0n ? -minor : minor).toString().padStart(decimals + 1, "0")
  const point = digits.length - decimals
  const whole = inThousands(digits.slice(0, point))
  const fraction = decimals === 0 ? "" : `.${digits.slice(point)}`
  return `${money.currency} ${minor < 0n ? "-" : ""}${whole}${fraction}`
}

const inThousands = (digits: string): string => {
  const first = digits.length % 3
  const groups = first === 0 ? [] : [digits.slice(0, first)]
  for (let at = first; at < digits.length; at += 3) groups.push(digits.slice(at, at + 3))
  return groups.join(",")
}

// Decimals of ISO 4217 where they are not 2. `Intl.NumberFormat` is unsuitable: it follows CLDR,
// which shows no decimals for some currencies that have them (HUF, IDR, COP), and changes with ICU.
const EXPONENTS: ReadonlyMap<Currency, number> = new Map(
  Object.entries({
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW"
  }).flatMap(([exponent, currencies]) =>
    currencies.split(" ").map((currency) => [currency, Number(exponent)] as const)
  )
)
