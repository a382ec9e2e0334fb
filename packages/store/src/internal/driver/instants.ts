/**
 * Instants of events as PostgreSQL takes them, in milliseconds since 1970.
 */
import * as PgTypes from "@effect/sql-pg/PgTypes"

/** The first and the last millisecond of the years 0001 to 9999, which ISO 8601 and SQL both name. */
export const MIN_OCCURRED_AT = -62_135_596_800_000
export const MAX_OCCURRED_AT = 253_402_300_799_999

/** Up to the year 4253: a number of microseconds up to 2 ** 56 has all multiples of 8 exactly, so all milliseconds. */
const MAX_EXACT = 2 ** 56 / 1_000

/** Whether the client's binary form, by way of a number of microseconds, loses no millisecond. */
export const isExact = (millis: number): boolean => Math.abs(millis) <= MAX_EXACT

export const toText = (millis: number): string => new Date(millis).toISOString()

/** A parameter to compare with, to be cast to `timestamptz`; before and behind all events where PostgreSQL has no such year. */
export const bound = (millis: number): PgTypes.Parameter =>
  isExact(millis)
    ? PgTypes.timestamptz(millis)
    : PgTypes.text(
        millis < MIN_OCCURRED_AT
          ? "-infinity"
          : millis > MAX_OCCURRED_AT
            ? "infinity"
            : toText(millis)
      )
