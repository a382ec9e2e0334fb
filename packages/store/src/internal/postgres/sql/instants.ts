/**
 * Instants of events in milliseconds since 1970, and their form as parameters of PostgreSQL.
 */
import * as PgTypes from "../../../sql/PgTypes.ts"
import { MAX_OCCURRED_AT, MIN_OCCURRED_AT } from "../../driver/encodeAppends.ts"

/**
 * The limit of exact instants, in the year 4253: numbers of microseconds up to 2 ** 56 represent
 * all multiples of 8 exactly, and so all milliseconds.
 */
const MAX_EXACT = 2 ** 56 / 1_000

/**
 * Returns true if the client's binary form, through a number of microseconds, loses no millisecond.
 */
export const isExact = (millis: number): boolean => Math.abs(millis) <= MAX_EXACT

export const toText = (millis: number): string => new Date(millis).toISOString()

/**
 * Returns a parameter for comparisons, to be cast to `timestamptz`: an infinity for years that no
 * event can have, since PostgreSQL may lack them.
 */
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
