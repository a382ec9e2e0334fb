/**
 * The checks of a call that makes readers pass over an event, the same for every store.
 */
import type { EventId } from "@daybook/kernel/EventId"
import type { Position } from "@daybook/kernel/Position"
import * as Result from "effect/Result"
import { PassOverRefused } from "./passOverRefused.ts"

/** The event, the actor and the reason. */
export interface PassOver {
  readonly position: Position
  readonly eventId: EventId
  readonly actor: string
  readonly reason: string
}

/**
 * The maximum number of events that a log passes over: a reader compares the position of each row
 * with all of them.
 */
const MAX_PASSED_OVER = 1_000

const LIMITS = { actor: 200, reason: 1_000 } as const

/** Refuses an actor or a reason that can't be recorded. */
export const refuseWhy = (given: PassOver): Result.Result<PassOver, PassOverRefused> => {
  const { position } = given
  for (const field of ["actor", "reason"] as const) {
    const issue = textIssue(given[field], LIMITS[field])
    if (issue !== undefined) {
      return Result.fail(
        new PassOverRefused({ position, reason: { _tag: "InvalidWhy", field, issue } })
      )
    }
  }
  return Result.succeed(given)
}

const textIssue = (text: string, limit: number): string | undefined => {
  if (!/\S/.test(text)) return "it is blank"
  if (text.length > limit) return `it has ${text.length} UTF-16 code units, allowed are ${limit}`
  if (text.includes("\0")) return "it has U+0000"
  return text.isWellFormed() ? undefined : "it has a lone surrogate"
}

/** Refuses a missing event, and one with another id. */
export const refuseEvent = (
  { eventId, position }: PassOver,
  found: EventId | undefined
): Result.Result<void, PassOverRefused> =>
  found === eventId
    ? Result.void
    : Result.fail(
        new PassOverRefused({
          position,
          reason:
            found === undefined
              ? { _tag: "NoEvent" }
              : { _tag: "OtherEvent", given: eventId, found }
        })
      )

/** Refuses a further event when the log passes over the maximum already. */
export const refuseMany = (
  position: Position,
  count: number
): Result.Result<void, PassOverRefused> =>
  count < MAX_PASSED_OVER
    ? Result.void
    : Result.fail(
        new PassOverRefused({ position, reason: { _tag: "TooMany", limit: MAX_PASSED_OVER } })
      )
