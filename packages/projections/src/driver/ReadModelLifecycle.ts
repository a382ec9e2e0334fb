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
import type { GenerationState } from "./ReadModelGeneration.ts"
import type * as Commands from "../internal/lifecycle/command.ts"
import * as Decide from "../internal/lifecycle/decide.ts"
import type * as Events from "../internal/lifecycle/event.ts"
import { evolve } from "../internal/lifecycle/evolve.ts"
import * as Patience from "../internal/lifecycle/patience.ts"
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
 * A command before the store adds the time. Steps are no transitions: a store takes them by
 * `advance`, in one statement.
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
 * A claim of another owner does not wait: it would take the generation from a holder at work. A
 * renewal does not wait either: a holder at work needs none.
 *
 * @category destructors
 * @since 0.1.0
 */
export const waits = (command: Transition, state: State): boolean => Patience.waits(command, state)

/**
 * Lists the generations of a read model as its readers see them at a time, in milliseconds since
 * 1970.
 *
 * @category destructors
 * @since 0.1.0
 */
export const views = (state: State, at: number): ReadonlyArray<GenerationState> =>
  state.generations.map((generation) => States.view(state, generation, at))
