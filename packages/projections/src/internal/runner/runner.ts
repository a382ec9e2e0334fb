/**
 * The state that the fibers of a runner share, and their common operations.
 */
import { printableLine } from "@daybook/kernel/Printable"
import type { LogId } from "@daybook/kernel/LogId"
import type * as Position from "@daybook/kernel/Position"
import type * as Projection from "@daybook/kernel/Projection"
import type { MismatchReason } from "@daybook/store/Checkpoint"
import type { EventStore } from "@daybook/store/EventStore"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import type { ClaimLost } from "../../ReadModelError.ts"
import type { Claim, GenerationState, Poison } from "../../driver/ReadModelGeneration.ts"
import type { ReadModelStore } from "../../ReadModelStore.ts"
import type { ReadModelStoreError } from "../../ReadModelError.ts"
import type { ClaimedModel, Stopped } from "./advance.ts"
import type { ChangeSignal } from "./changeSignal.ts"
import { reachedBy } from "./history.ts"
import type { Kept, Leases } from "./leases.ts"
import type { SharedCalls } from "./sharedCalls.ts"
import type { LoopErrors } from "./loopErrors.ts"
import type { AnyModel } from "../fold/rowFold.ts"
import type { Stops } from "./stops.ts"
import * as Metrics from "./metrics.ts"

export interface Runner {
  readonly events: EventStore["Service"]
  readonly store: ReadModelStore["Service"]
  readonly changes: ChangeSignal
  readonly leases: Leases
  readonly shared: SharedCalls
  /** The reported mismatches of rows with the log's history, by the name of their read model. */
  readonly mismatches: Map<Projection.Name, MismatchReason>
  /** The read models whose rebuild by this runner has the shadow to itself, retries included. */
  readonly rebuilding: Set<Projection.Name>
  /** The log that this runner was started on. */
  readonly log: LogId
  readonly errors: LoopErrors
  readonly stops: Stops
  readonly owner: string
  readonly lease: Duration.Duration
  readonly pollInterval: Duration.Duration
  readonly parallelism: number
}

export const categoriesOf = ({ projection }: AnyModel) =>
  projection.from.map(({ category }) => category)

/** Returns a generation's state by its number; undefined if it was dropped meanwhile. */
export const stateOf = (
  { store }: Runner,
  name: Projection.Name,
  generation: number
): Effect.Effect<GenerationState | undefined, ReadModelStoreError> =>
  Effect.map(store.states(name), (states) =>
    states.find((state) => state.generation === generation)
  )

/** Reads the present state of a claimed generation. */
export const loadClaimed = Effect.fnUntraced(function* (
  runner: Runner,
  model: AnyModel,
  claim: Claim
): Effect.fn.Return<ClaimedModel | undefined, ReadModelStoreError> {
  const { name, version } = model.table
  const state = yield* stateOf(runner, name, claim.generation)
  if (state === undefined) return undefined
  const skipped = yield* runner.store.skipped(name)
  return {
    model,
    claim,
    log: state.log,
    checkpoints: reachedBy(state),
    skipped: new Set(skipped.filter((one) => one.version === version).map((one) => one.event))
  }
})

export const lowest = (checkpoints: ReadonlyArray<Position.Position>): Position.Position =>
  checkpoints.reduce((low, checkpoint) => (checkpoint < low ? checkpoint : low))

/**
 * Runs an effect under a claim, and renews the claim meanwhile. The claim ends with the effect,
 * however that ends.
 */
export const underClaim = <A, E, R>(
  { lease, leases, store }: Runner,
  kept: Kept,
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, E | ClaimLost | ReadModelStoreError, R> =>
  leases.keeping(kept, effect).pipe(
    // The claim is no longer needed, or already lost; if the release fails, the lease runs out.
    Effect.onExit(() =>
      Effect.ignore(store.release(kept.claim)).pipe(
        Effect.interruptible,
        Effect.timeoutOption(lease)
      )
    )
  )

/** Stops a generation at its poison: in the store, the metrics and the log. */
export const stop = Effect.fnUntraced(function* (
  { changes, stops, store }: Runner,
  claim: Claim,
  { poison }: Stopped
) {
  stops.metUnsafe(claim, poison)
  yield* store.stop(claim, stops.signed(claim.name, poison))
  changes.notifyUnsafe(claim.name, "state")
  yield* Metric.update(
    Metric.withAttributes(Metrics.stops, { projection: claim.name, reason: poison.reason }),
    1
  )
  yield* Effect.logError(
    printableLine(
      `${claim.name} stopped at position ${poison.position}, ${poison.type} at revision ` +
        `${poison.revision} of ${poison.streamId}: ${poison.issue}`
    )
  )
})

/** Returns true if another host has the claim on a generation, as of a look. */
export const isOfOther = ({ owner }: GenerationState, host: string): boolean =>
  Option.isSome(owner) && owner.value !== host

/**
 * Returns true if a claim can succeed, as of a look: the store refuses others, but each would cost
 * a statement at each poll.
 */
export const mayClaim = (
  state: GenerationState,
  host: string,
  toTry: Poison | undefined
): boolean =>
  !isOfOther(state, host) && !state.paused && (Option.isNone(state.poison) || toTry !== undefined)

export const claimed = (name: Projection.Name, outcome: "taken" | "lost") =>
  Metric.update(Metric.withAttributes(Metrics.claims, { projection: name, outcome }), 1)
