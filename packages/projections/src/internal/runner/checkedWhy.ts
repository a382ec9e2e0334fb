/**
 * Checks the actor and the reason of an act before it is recorded.
 */
import type * as Projection from "@daybook/kernel/Projection"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Why } from "../../ReadModelAct.ts"
import { InvalidWhy } from "../../ReadModelError.ts"

/** Returns the given actor and reason, which may be absent, if the record of acts accepts them. */
export const checkedWhy = (
  name: Projection.Name,
  why: Why | undefined
): Effect.Effect<Why, InvalidWhy> =>
  Effect.mapError(
    Effect.fromResult(decodeWhy(why ?? {})),
    ({ message }) => new InvalidWhy({ name, issue: message })
  )

const decodeWhy = Schema.decodeUnknownResult(Why)
