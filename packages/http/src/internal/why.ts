/**
 * The reason that a caller gives for an act, which is recorded.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { CurrentCaller } from "../Authenticator.ts"

export const Reason = Schema.String.check(
  Schema.isPattern(/\S/, { expected: "text that is not blank" }),
  Schema.isMaxLength(1_000)
)

/** A payload with a reason, or without one. */
export const Why = Schema.Struct({ reason: Schema.optionalKey(Reason) })

/** The actor of an act, if the host knows its callers. */
export const actor = Effect.map(CurrentCaller, (caller) =>
  caller === undefined ? {} : { actor: caller.actor }
)
