/**
 * Builds a shadow beside the serving generation, and switches to it.
 */
import type { Position } from "@daybook/kernel/Position"
import type { EventStoreError } from "@daybook/store/EventStore"
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { describe } from "@daybook/store/Checkpoint"
import * as Option from "effect/Option"
import { ClaimLost, type ReadModelStoreError, type RowsDiffer } from "../../ReadModelError.ts"
import type { Claim, GenerationState, Poison } from "../../driver/ReadModelGeneration.ts"
import type { Stopped } from "./advance.ts"
import { catchUpTo } from "./catchUp.ts"
import * as History from "./history.ts"
import type { AnyModel } from "../fold/rowFold.ts"
import {
  claimed,
  loadClaimed,
  lowest,
  mayClaim,
  type Runner,
  stateOf,
  stop,
  underClaim
} from "./runner.ts"

/** The number of events that can be folded while the serving generation is held still. */
const NEARLY_THERE = 1_000

/**
 * Builds the shadow of this version until it is switched to or lost; returns true if one existed.
 */
export const buildShadow = Effect.fnUntraced(function* (
  runner: Runner,
  model: AnyModel
): Effect.fn.Return<boolean, EventStoreError | ReadModelStoreError> {
  const { errors, lease, owner, stops, store } = runner
  const { name, version } = model.table
  const states = yield* runner.shared.statesOf(name)
  const shadow = states.find((state) => state.role === "shadow" && state.version === version)
  if (shadow === undefined) {
    const serving = states.find(({ role }) => role === "serving")
    if (serving === undefined || serving.version >= version) {
      yield* errors.idle(name, "building", undefined)
      return false
    }
    // The shadow of this newer version was dropped: it is made again.
    yield* store.open(model.table, { parallelism: runner.parallelism, log: runner.log }).pipe(
      // Logged once for each message, since it recurs at each poll.
      Effect.catchTag(["OtherLog", "DefinitionChanged", "Superseded"], (error) =>
        errors.failed(name, "building", Cause.fail(error))
      )
    )
    return false
  }
  // A rebuild of this host that pauses before it tries again would lose the shadow to this loop,
  // and its caller would not learn of an error that both meet.
  if (runner.rebuilding.has(name)) {
    yield* errors.idle(name, "building", lowest(shadow.checkpoints))
    return false
  }
  const poison = yield* stops.toTry(shadow, "later")
  const claim = mayClaim(shadow, owner, poison)
    ? yield* store.claim(shadow, owner, lease, poison)
    : Option.none()
  if (Option.isNone(claim)) {
    yield* errors.idle(name, "building", lowest(shadow.checkpoints))
    return false
  }
  if (poison !== undefined) yield* stops.tries(name, poison)
  errors.holdsUnsafe(name, "building", lowest(shadow.checkpoints))
  return yield* build(runner, model, claim.value).pipe(
    Effect.as(true),
    // No caller waits for this answer: the host that began the rebuild is gone.
    Effect.catchTag("RowsDiffer", (error) => Effect.as(Effect.logError(error.message), true)),
    // `build` has already recorded the stop.
    Effect.catchTag(["Stopped", "ServingStopped"], () => Effect.succeed(true)),
    Effect.catchTag("ClaimLost", () => Effect.succeed(false))
  )
})

/**
 * An event before the position to reach stopped the serving generation, so the two can't be
 * compared there.
 */
export class ServingStopped extends Data.TaggedError("ServingStopped")<{
  readonly poison: Poison
}> {}

/**
 * Builds the claimed shadow and switches to it; a shadow of the serving version only if it has the
 * same rows. With `upTo`, not before the serving rows are at this position.
 */
export const build = Effect.fnUntraced(function* (
  runner: Runner,
  model: AnyModel,
  claim: Claim,
  upTo?: Position
): Effect.fn.Return<
  GenerationState,
  RowsDiffer | Stopped | ServingStopped | ClaimLost | EventStoreError | ReadModelStoreError
> {
  const { name } = model.table
  yield* claimed(name, "taken")
  const built = buildHeld(runner, model, claim, upTo).pipe(
    Effect.tapErrorTag("Stopped", (stopped) => stop(runner, claim, stopped))
  )
  const serving = yield* underClaim(runner, { claim, loop: "building" }, built).pipe(
    Effect.tapErrorTag("ClaimLost", () => claimed(name, "lost")),
    Effect.onExit(() => Effect.sync(() => runner.changes.notifyUnsafe(name, "state")))
  )
  yield* Effect.logInfo(`${name} serves generation ${serving.generation}`)
  return serving
})

const buildHeld = Effect.fnUntraced(function* (
  runner: Runner,
  model: AnyModel,
  claim: Claim,
  reach: Position | undefined
) {
  const { store } = runner
  const { name, version } = model.table
  const held = yield* holdShadow(runner, model, claim)
  // The shadow was dropped meanwhile.
  if (held === undefined) return yield* lost(claim)
  for (;;) {
    const states = yield* store.states(name)
    const serving = states.find(({ role }) => role === "serving")
    if (serving === undefined) return yield* lost(claim)
    const compare = yield* isCompared(runner, serving, version)
    const events = yield* catchUpTo(runner, held, {
      role: "shadow",
      upTo: upTo(serving, compare)
    })
    if (events > NEARLY_THERE) continue
    if (reach !== undefined && !(yield* isThere(runner, serving, compare, reach))) {
      yield* runner.changes.until(name, "step", reached(runner, model, compare, reach))
      continue
    }
    return yield* runner.leases.changing(
      store.promote(model.table, claim, {
        compare,
        catchUp: (still) =>
          Effect.andThen(
            compare
              ? History.stillFits(runner.events, still.log, History.reachedBy(still))
              : Effect.void,
            catchUpTo(runner, held, {
              role: "shadow",
              upTo: upTo(still, compare),
              inTransaction: true
            })
          )
      })
    )
  }
})

/** Holds the shadow as it stands, or restarts it if it was begun in another history of the log. */
const holdShadow = Effect.fnUntraced(function* (runner: Runner, model: AnyModel, claim: Claim) {
  const { events, store } = runner
  const state = yield* stateOf(runner, claim.name, claim.generation)
  const reason = state && (yield* History.mismatch(events, state))
  if (reason !== undefined) {
    yield* Effect.logWarning(
      `Generation ${claim.generation} of ${claim.name} is built from nothing again: ${describe(reason)}`
    )
    yield* store.restart(claim, yield* events.identity)
  }
  return yield* loadClaimed(runner, model, claim)
})

/**
 * Returns true if the rows to end at include the position. Inline rows hold all that was recorded;
 * rows that are not compared are built up to the settled position. `head` would wait for open
 * appends.
 */
const isThere = (
  { events }: Runner,
  { checkpoints, mode }: GenerationState,
  compare: boolean,
  position: Position
): Effect.Effect<boolean, EventStoreError> =>
  compare
    ? Effect.succeed(mode === "inline" || lowest(checkpoints) >= position)
    : Effect.map(events.checkpoint, (settled) => settled.position >= position)

/**
 * Returns true if the wait for a position is over: it is reached, or the rows are no longer
 * compared, or are again.
 */
const reached = Effect.fnUntraced(function* (
  runner: Runner,
  { table }: AnyModel,
  compared: boolean,
  position: Position
) {
  const states = yield* runner.shared.statesOf(table.name)
  const serving = states.find(({ role }) => role === "serving")
  if (serving === undefined) return true
  const compare = yield* isCompared(runner, serving, table.version)
  if (compare !== compared) return true
  if (yield* isThere(runner, serving, compare, position)) return true
  if (compare && Option.isSome(serving.poison)) {
    return yield* new ServingStopped({ poison: serving.poison.value })
  }
  return undefined
})

/**
 * Returns true if the shadow is compared with the serving rows. Rows of another history prove
 * nothing, and their position is not one of this log.
 */
const isCompared = (
  { events }: Runner,
  serving: GenerationState,
  version: GenerationState["version"]
): Effect.Effect<boolean, EventStoreError> =>
  serving.version === version
    ? Effect.map(History.mismatch(events, serving), (reason) => reason === undefined)
    : Effect.succeed(false)

/** Returns the limit of the build: past the serving rows the two could not be compared. */
const upTo = (serving: GenerationState, compare: boolean) =>
  compare && serving.mode === "async" ? History.reachedBy(serving)[0] : undefined

const lost = ({ epoch, generation, name }: Claim) => new ClaimLost({ name, generation, epoch })
