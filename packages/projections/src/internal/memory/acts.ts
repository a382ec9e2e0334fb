/**
 * The record of administrative acts in memory.
 */
import type * as Projection from "@daybook/kernel/Projection"
import * as DateTime from "effect/DateTime"
import * as Option from "effect/Option"
import type { Act, Why } from "../../ReadModelAct.ts"

/** Adds an act to the record of a read model. */
export const record = (
  { acts, name }: { readonly name: Projection.Name; readonly acts: Array<Act> },
  act: Act["act"],
  why: Why | undefined,
  details: Act["details"],
  millis: number
): void => {
  acts.push({
    name,
    act,
    at: DateTime.makeUnsafe(millis),
    login: Option.none(),
    actor: Option.fromUndefinedOr(why?.actor),
    reason: Option.fromUndefinedOr(why?.reason),
    details
  })
}
