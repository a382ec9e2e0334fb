/**
 * Finds values of an event that its schema accepts, but a log or a row of a read model can't store.
 */
import { MIN_INSTANT } from "@daybook/projections/driver/StoredRow"
import type * as Schema from "effect/Schema"

/** An ISO 8601 instant whose year does not fit in four digits, as schemas of instants store it. */
const FAR_INSTANT = /^-\d{6}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

/**
 * Returns the reason that an append or a row would refuse the stored form of an event, with the
 * path; `undefined` if neither would.
 */
export const unkeptIssue = (data: Schema.Json, path = "data"): string | undefined => {
  if (typeof data === "number") {
    return Number.isInteger(data) && !Number.isSafeInteger(data)
      ? `${path} is ${data}, an integer past 2^53 - 1, which logs refuse: bound the field`
      : undefined
  }
  if (typeof data === "string") {
    return FAR_INSTANT.test(data) && Date.parse(data) < MIN_INSTANT
      ? `${path} is ${data}, an instant before the first one of PostgreSQL, which no row holds: bound the field`
      : undefined
  }
  if (typeof data !== "object" || data === null) return undefined
  for (const [key, value] of Object.entries(data) as ReadonlyArray<[string, Schema.Json]>) {
    const issue = unkeptIssue(value, `${path}.${key}`)
    if (issue !== undefined) return issue
  }
  return undefined
}
