/**
 * Converts the shop's local time, Europe/London, from and to UTC.
 *
 * **Details**
 * A local time that a clock change skips is read as the time after the change (01:30 becomes
 * 02:30); one that occurs twice is read as its first occurrence. Temporal calls this "compatible".
 *
 * @since 0.1.0
 */
import * as DateTime from "effect/DateTime"
import * as Option from "effect/Option"

/**
 * A day of the shop's calendar.
 *
 * @category types
 * @since 0.1.0
 */
export interface Day {
  readonly year: number
  /** Counted from 1. */
  readonly month: number
  readonly day: number
}

const zone = DateTime.zoneMakeNamedUnsafe("Europe/London")

const fromLocal = (local: Day & { readonly hour: number; readonly minute: number }) => {
  const { day, hour, minute, month, year } = local
  const asUtc = DateTime.make(local)
  if (Option.isNone(asUtc)) return Option.none()
  // A date such as 2/30 rolls over to the next month instead of failing.
  const parts = DateTime.toPartsUtc(asUtc.value)
  const exists =
    parts.year === year &&
    parts.month === month &&
    parts.day === day &&
    parts.hour === hour &&
    parts.minute === minute
  return exists
    ? Option.map(
        DateTime.makeZoned(local, {
          timeZone: zone,
          adjustForTimeZone: true,
          disambiguation: "compatible"
        }),
        DateTime.toUtc
      )
    : Option.none()
}

// Stores accept the years 0001 to 9999.
const PATTERN = /^(\d{1,2})\/(\d{1,2})\/((?!0000)\d{4}) (\d{1,2}):(\d{2})$/

/**
 * Reads `month/day/year hour:minute`, as in `12/1/2010 8:26`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const parse = (text: string): Option.Option<DateTime.Utc> => {
  const found = PATTERN.exec(text)
  if (found === null) return Option.none()
  const [month = 0, day = 0, year = 0, hour = 0, minute = 0] = found.slice(1).map(Number)
  return fromLocal({ year, month, day, hour, minute })
}

/**
 * Returns the instant of a time such as `15:00` on a day. Throws when there is no such time.
 *
 * @category constructors
 * @since 0.1.0
 */
export const at = (day: Day, time: string): DateTime.Utc => {
  const [hour = Number.NaN, minute = Number.NaN] = time.split(":").map(Number)
  return Option.getOrThrow(fromLocal({ ...day, hour, minute }))
}

/**
 * Returns the last Thursday before the day of `now`.
 *
 * @category operations
 * @since 0.1.0
 */
export const lastThursday = (now: DateTime.Utc): Day => {
  const thursday = 4
  const weekDay = DateTime.getPart(DateTime.setZone(now, zone), "weekDay")
  return daysBefore(now, (weekDay + 7 - thursday) % 7 || 7)
}

/**
 * Returns the day that was a number of days before the day of `now`.
 *
 * @category operations
 * @since 0.1.0
 */
export const daysBefore = (now: DateTime.Utc, days: number): Day => {
  const today = DateTime.setZone(now, zone)
  const { day, month, year } = DateTime.toParts(DateTime.subtract(today, { days }))
  return { year, month, day }
}

const local = (instant: DateTime.Utc) => DateTime.setZone(instant, zone)

/**
 * Formats a local time, such as `15:00`.
 *
 * @category destructors
 * @since 0.1.0
 */
export const time = (instant: DateTime.Utc): string =>
  DateTime.format(local(instant), { locale: "en-GB", hour: "2-digit", minute: "2-digit" })

/**
 * Formats a local date, such as `Wednesday, 1 December 2010`.
 *
 * @category destructors
 * @since 0.1.0
 */
export const date = (instant: DateTime.Utc): string =>
  DateTime.format(local(instant), { locale: "en-GB", dateStyle: "full" })

/**
 * Formats a local date and time, such as `1 Dec 2010, 08:26`.
 *
 * @category destructors
 * @since 0.1.0
 */
export const dateAndTime = (instant: DateTime.Utc): string =>
  DateTime.format(local(instant), {
    locale: "en-GB",
    day: "numeric",
    month: "short",
    year: "numeric",
    hour: "2-digit",
    minute: "2-digit"
  })
