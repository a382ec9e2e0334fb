/**
 * The instants that rows can hold, and their form in PostgreSQL.
 */
import { MIN_INSTANT } from "../../driver/StoredRow.ts"

/** The last instant of JavaScript's `Date`, in the year 275760; a `timestamptz` reaches 294276. */
const MAX_INSTANT = 8_640_000_000_000_000

/** Returns true if a row can hold the instant. */
export const isStorable = (millis: number): boolean =>
  millis >= MIN_INSTANT && millis <= MAX_INSTANT

/** Returns the reason why no row can hold the text as an instant. */
export const instantIssue = (text: string): string | undefined => {
  const millis = Date.parse(text)
  if (!isStorable(millis)) {
    return `${text} is not in the years 4713 BC to 275760, which PostgreSQL and JavaScript both have`
  }
  return new Date(millis).toISOString() === text
    ? undefined
    : `${text} is not how an instant is stored: ${new Date(millis).toISOString()}`
}

/**
 * Returns the ISO text of an instant as PostgreSQL reads it: years of more than four digits without
 * a sign, and BC by name.
 */
export const sqlInstant = (iso: string): string => {
  const sign = iso.charAt(0)
  if (sign !== "+" && sign !== "-" && !iso.startsWith("0000")) return iso
  const rest = iso.indexOf("-", 1)
  const year = Number(iso.slice(0, rest))
  // PostgreSQL has no year 0: that of ISO 8601 is 1 BC.
  return year > 0
    ? `${year}${iso.slice(rest)}`
    : `${String(1 - year).padStart(4, "0")}${iso.slice(rest)} BC`
}
