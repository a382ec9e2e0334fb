/**
 * The lag of read models over the last minutes, sampled while people look.
 */
import type { Projections } from "@daybook/projections/Projections"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type { LagSample } from "../Answer.ts"

/** A sample each five seconds, for a quarter of an hour. */
const EVERY_MILLIS = 5_000
const KEPT = 180

export interface LagSamples {
  readonly of: (model: string) => ReadonlyArray<LagSample>
}

export const make = Effect.fnUntraced(function* (
  projections: Projections["Service"]
): Effect.fn.Return<LagSamples, never, Scope.Scope> {
  const samples = new Map<string, Array<LagSample>>()
  const sample = Effect.gen(function* () {
    const at = yield* DateTime.now
    for (const { eventsPerSecond, lagEvents, lagMillis, name } of yield* projections.statuses) {
      const kept = samples.get(name) ?? []
      samples.set(name, kept)
      kept.push({ at, lagEvents, lagMillis, eventsPerSecond })
      if (kept.length > KEPT) kept.shift()
    }
  }).pipe(
    // A gap says that it could not be read.
    Effect.catch((error) => Effect.logDebug("The inspector has no sample of lags", error))
  )
  yield* Effect.forkScoped(Effect.repeat(sample, Schedule.spaced(EVERY_MILLIS)))
  return { of: (model) => samples.get(model)?.slice() ?? [] }
})
