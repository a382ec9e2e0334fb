/**
 * Whether a read model has come to a position.
 */
import type { Position } from "@daybook/kernel/Position"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Status from "../ProjectionStatus.ts"
import { HistoryChanged } from "../ReadModelError.ts"
import * as History from "./history.ts"
import type { AnyModel } from "./rowFold.ts"
import type { Runner } from "./runner.ts"

/** Whether what is served holds every event up to a position; nothing, as long as it does not. */
export const reached = Effect.fnUntraced(function* (
  { events, mismatches, store }: Runner,
  model: AnyModel,
  position: Position
) {
  const { name } = model.table
  const states = yield* store.states(name)
  const serving = states.find(({ role }) => role === "serving")
  if (serving === undefined) return true
  const isThere = serving.mode === "inline" || Status.position(serving) >= position
  // Rows of another history may be past the position, and don't hold its event.
  if (isThere || mismatches.has(name)) {
    const reason = yield* History.mismatch(events, serving)
    if (reason !== undefined) return yield* new HistoryChanged({ name, reason })
    if (isThere) return true
  }
  // Of another version it is the shadow that is waited for, and what serves only while a host still keeps it.
  const shadow = states.find(
    ({ role, version }) => role === "shadow" && version === model.table.version
  )
  const isLeft = serving.version !== model.table.version && Option.isNone(serving.owner)
  for (const { poison } of isLeft && shadow !== undefined ? [serving, shadow] : [serving]) {
    if (Option.isSome(poison) && poison.value.position <= position) {
      return yield* new Status.ProjectionStopped({ name, poison: poison.value })
    }
  }
  return undefined
})
