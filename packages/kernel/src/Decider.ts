/**
 * The pure core of an aggregate: the events that a command leads to, and the state after them.
 *
 * Laws, for every decider:
 *
 * 1. `decide` is a function: the same command in the same state gives the same answer.
 * 2. `evolve` is total: any event in any state gives a state; it holds no rules.
 * 3. `evolve` accepts every event that `decide` emits.
 *
 * The shape is Jérémie Chassaing's:
 * https://thinkbeforecoding.com/post/2021/12/17/functional-event-sourcing-decider.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"

/**
 * The initial state, the decisions and the state changes of one kind of thing.
 *
 * @category types
 * @since 0.1.0
 */
export interface Decider<in Command, in out State, in out Event, out Rejection> {
  readonly initialState: State
  /** Returns the events in the order in which they happen; none when nothing changes. */
  readonly decide: (
    command: Command,
    state: State
  ) => Result.Result<ReadonlyArray<Event>, Rejection>
  readonly evolve: (state: State, event: Event) => State
}

/**
 * Builds a decider and infers its types.
 *
 * **Details**
 * The types of commands, states and rejections come from `decide`, the type of events from
 * `evolve`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <Command, State, Event, Rejection>(decider: {
  readonly initialState: NoInfer<State>
  readonly decide: (
    command: Command,
    state: State
  ) => Result.Result<ReadonlyArray<NoInfer<Event>>, Rejection>
  readonly evolve: (state: State, event: Event) => NoInfer<State>
}): Decider<Command, State, Event, Rejection> => decider

/**
 * Returns the state after `events`, starting from `state`, or from the initial state.
 *
 * @category operations
 * @since 0.1.0
 */
export const fold = <State, Event>(
  decider: {
    readonly initialState: State
    readonly evolve: (state: State, event: Event) => State
  },
  events: Iterable<Event>,
  state: State = decider.initialState
): State => {
  let folded = state
  for (const event of events) folded = decider.evolve(folded, event)
  return folded
}

/**
 * Decides one command after the other, each in the state that the commands before it left.
 *
 * **Details**
 * Errors: the first rejection; the events decided before it are dropped.
 *
 * @category operations
 * @since 0.1.0
 */
export const run = <Command, State, Event, Rejection>(
  decider: Decider<Command, State, Event, Rejection>,
  commands: Iterable<Command>,
  state: State = decider.initialState
): Result.Result<{ readonly state: State; readonly events: ReadonlyArray<Event> }, Rejection> => {
  const events: Array<Event> = []
  let current = state
  for (const command of commands) {
    const decided = decider.decide(command, current)
    if (Result.isFailure(decided)) return Result.fail(decided.failure)
    current = fold(decider, decided.success, current)
    // A long list spread as arguments would overflow the stack.
    for (const event of decided.success) events.push(event)
  }
  return Result.succeed({ state: current, events })
}
