/**
 * Who wants something of a read model and why, before it is recorded.
 */
import type * as Projection from "@daybook/kernel/Projection"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Why } from "../../ReadModelAct.ts"
import { InvalidWhy } from "../../ReadModelError.ts"

/** What is given, or nothing, if the record takes it. */
export const checkedWhy = (
  name: Projection.Name,
  why: Why | undefined
): Effect.Effect<Why, InvalidWhy> =>
  Effect.mapError(
    Effect.fromResult(decodeWhy(why ?? {})),
    ({ message }) => new InvalidWhy({ name, issue: message })
  )

const decodeWhy = Schema.decodeUnknownResult(Why)
