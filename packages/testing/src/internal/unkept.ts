/**
 * What a log or the rows of read models can't keep of an event that its own schema accepts.
 */
import { MIN_INSTANT } from "@daybook/projections/StoredRow"
import type * as Schema from "effect/Schema"

/** An ISO 8601 instant of a year that four digits don't hold, as schemas of instants store it. */
const FAR_INSTANT = /^-\d{6}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

/** Why the stored form of an event would be refused later, by an append or by a row, and where. */
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
