/**
 * The lag of read models and consumer groups over the last minutes, sampled while people look.
 */
import type { Projections } from "@daybook/projections/Projections"
import type { ConsumerGroupsError } from "@daybook/reactors/ConsumerGroup"
import type { ConsumerGroups } from "@daybook/reactors/ConsumerGroups"
import type { GroupStatus } from "@daybook/reactors/GroupStatus"
import type { EventStoreError } from "@daybook/store/EventStore"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type { LagSample } from "../OperationAnswer.ts"

/** A sample each five seconds, for a quarter of an hour. */
const EVERY_MILLIS = 5_000
const KEPT = 180

export interface LagSamples {
  readonly ofModel: (name: string) => ReadonlyArray<LagSample>
  readonly ofGroup: (name: string) => ReadonlyArray<Omit<LagSample, "eventsPerSecond">>
}

export const make = Effect.fnUntraced(function* (
  projections: Projections["Service"],
  groups: Option.Option<ConsumerGroups["Service"]>
): Effect.fn.Return<LagSamples, never, Scope.Scope> {
  const models = new Map<string, Array<LagSample>>()
  const reactors = new Map<string, Array<Omit<LagSample, "eventsPerSecond">>>()
  const sample = Effect.gen(function* () {
    const at = yield* DateTime.now
    for (const { eventsPerSecond, lagEvents, lagMillis, name } of yield* projections.statuses) {
      keep(models, name, { at, lagEvents, lagMillis, eventsPerSecond })
    }
    for (const { lagEvents, lagMillis, name } of yield* groupStatuses(groups)) {
      keep(reactors, name, { at, lagEvents, lagMillis })
    }
  }).pipe(
    // A gap says that it could not be read.
    Effect.catch((error) => Effect.logDebug("The inspector has no sample of lags", error))
  )
  yield* Effect.forkScoped(Effect.repeat(sample, Schedule.spaced(EVERY_MILLIS)))
  return {
    ofModel: (name) => models.get(name)?.slice() ?? [],
    ofGroup: (name) => reactors.get(name)?.slice() ?? []
  }
})

const keep = <Sample>(samples: Map<string, Array<Sample>>, name: string, sample: Sample) => {
  const kept = samples.get(name) ?? []
  samples.set(name, kept)
  kept.push(sample)
  if (kept.length > KEPT) kept.shift()
}

/** Returns the status of each consumer group; none on a host without them. */
export const groupStatuses = (
  groups: Option.Option<ConsumerGroups["Service"]>
): Effect.Effect<ReadonlyArray<GroupStatus>, ConsumerGroupsError | EventStoreError> =>
  Option.match(groups, {
    onNone: () => Effect.succeed([]),
    onSome: ({ names, status }) =>
      Effect.flatMap(
        names,
        Effect.forEach((name) => Effect.catchTag(status(name), "UnknownGroup", Effect.die))
      )
  })
