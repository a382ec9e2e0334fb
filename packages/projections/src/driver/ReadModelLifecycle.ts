/**
 * The life of a read model as a decider: one definition of its rules for every store.
 *
 * For authors of stores. A read model has generations, each with a role (serving, shadow, retired),
 * a mode (async, inline), checkpoints, and a claim: owner, epoch, lease. Laws:
 *
 * 1. One generation serves, once there is one; a version has one shadow at most.
 * 2. A claim is taken from another owner only after its lease.
 * 3. An epoch is of one claim, and a claim that is not the newest writes nothing.
 * 4. A checkpoint moves only from the position of the step.
 * 5. Rows that differ serve only if they are accepted.
 *
 * @since 0.1.0
 */
import * as Decider from "@daybook/kernel/Decider"
import type * as Projection from "@daybook/kernel/Projection"
import type { Position } from "@daybook/kernel/Position"
import type * as Result from "effect/Result"
import type { ClaimLost } from "../ReadModelError.ts"
import type { Claim, GenerationState, Marking } from "./ReadModelGeneration.ts"
import * as Commands from "../internal/lifecycle/command.ts"
import * as Decide from "../internal/lifecycle/decide.ts"
import type * as Events from "../internal/lifecycle/event.ts"
import { evolve } from "../internal/lifecycle/evolve.ts"
import * as States from "../internal/lifecycle/state.ts"

/**
 * The state of a read model; without generations, one that was never opened.
 *
 * @category types
 * @since 0.1.0
 */
export type State = States.State

/**
 * A command, with the time of the store's clock.
 *
 * @category types
 * @since 0.1.0
 */
export type Command = Commands.Command

/**
 * A command before the store adds the time. Steps, renewals and marks are no transitions: a store
 * has `advance`, `renew` and `mark` for them, each in one statement.
 *
 * @category types
 * @since 0.1.0
 */
export type Transition = Commands.Transition

/**
 * An event; those whose names begin with `Table` also name what happens to tables.
 *
 * @category types
 * @since 0.1.0
 */
export type Event = Events.Event

/**
 * The reasons for which a command is refused.
 *
 * @category types
 * @since 0.1.0
 */
export type Rejection = Decide.Rejection

/**
 * A rule that no caller may break was broken. `ReadModelOperations.make` dies of it.
 *
 * @category errors
 * @since 0.1.0
 */
export { RuleBroken } from "../internal/lifecycle/decide.ts"

/**
 * A generation in the state of a read model.
 *
 * @category types
 * @since 0.1.0
 */
export type Generation = States.Generation

/**
 * A claim as commands name it, without the read model and with its lease in milliseconds.
 *
 * @category types
 * @since 0.1.0
 */
export type CommandClaim = Commands.CommandClaim

/**
 * Returns a claim as commands name it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const toCommand = (claim: Claim): CommandClaim => Commands.toCommand(claim)

/**
 * Returns the decider of a read model.
 *
 * @category constructors
 * @since 0.1.0
 */
export const decider = (name: Projection.Name): Decider.Decider<Command, State, Event, Rejection> =>
  Decider.make({ initialState: States.empty(name), decide: Decide.decide, evolve })

/**
 * Returns true if a command waits for a generation that a step or a promotion has locked.
 *
 * **Details**
 * A claim of another owner does not wait: it would take the generation from a holder at work.
 *
 * @category destructors
 * @since 0.1.0
 */
export const waits = (command: Transition, state: State): boolean => Decide.waits(command, state)

/**
 * Returns the generation of a claim, if this is the newest claim on it, it has that role, and it is
 * neither paused nor stopped.
 *
 * @category destructors
 * @since 0.1.0
 */
export const heldAs = (
  state: State,
  claim: CommandClaim,
  role: Generation["role"]
): Result.Result<Generation, ClaimLost> => Decide.heldAs(state, claim, role)

/**
 * Returns the generation of a claim, if a step may be taken under it from the given position: the
 * check of `ReadModelStore.load`.
 *
 * @category destructors
 * @since 0.1.0
 */
export const heldAt = (
  state: State,
  claim: CommandClaim,
  partition: number,
  from: Position
): Result.Result<Generation, ClaimLost> => Decide.heldAt(state, claim, partition, from)

/**
 * Decides a step: returns the event that moves the checkpoint, if the claim is the newest and the
 * checkpoint is at `from`. The check of `ReadModelStore.advance`.
 *
 * @category destructors
 * @since 0.1.0
 */
export const advance = (
  step: Extract<Command, { readonly _tag: "Advance" }>,
  state: State
): Result.Result<ReadonlyArray<Event>, ClaimLost> => Decide.advance(step, state)

/**
 * Decides a mark: returns the event that moves the checkpoint of an inline generation, if it is
 * still the compared one. The check of `ReadModelStore.mark`.
 *
 * @category destructors
 * @since 0.1.0
 */
export const mark = (marking: Marking, state: State): ReadonlyArray<Event> =>
  Decide.mark(marking, state)

/**
 * Decides a renewal: returns the event that extends the claim, or that moves the checkpoint, if the
 * claim is the newest. The check of `ReadModelStore.renew`.
 *
 * @category destructors
 * @since 0.1.0
 */
export const renew = (
  renewal: Extract<Command, { readonly _tag: "Renew" }>,
  state: State
): Result.Result<ReadonlyArray<Event>, ClaimLost> => Decide.renew(renewal, state)

/**
 * Returns the generation with a number.
 *
 * @category destructors
 * @since 0.1.0
 */
export const find = (state: State, number: number): Generation | undefined =>
  States.find(state, number)

/**
 * Returns the generation that serves, if the read model was opened.
 *
 * @category destructors
 * @since 0.1.0
 */
export const servingOf = (state: State): Generation | undefined => States.servingOf(state)

/**
 * Lists the generations of a read model as its readers see them at a time, in milliseconds since
 * 1970.
 *
 * @category destructors
 * @since 0.1.0
 */
export const views = (state: State, at: number): ReadonlyArray<GenerationState> =>
  state.generations.map((generation) => States.view(state, generation, at))
