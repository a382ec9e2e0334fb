/**
 * The pure core of an aggregate: which events a command leads to, and what state they leave.
 *
 * Laws, for every decider:
 *
 * 1. `decide` is a function: the same command in the same state gives the same answer.
 * 2. `evolve` is total: any event in any state gives a state; it holds no rules.
 * 3. What `decide` emits, `evolve` accepts.
 *
 * The shape is Jérémie Chassaing's, https://thinkbeforecoding.com/post/2021/12/17/functional-event-sourcing-decider.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"

/**
 * `initialState`, `decide` and `evolve` of one kind of thing.
 *
 * **Details**
 * `decide` gives the events in the order in which they happen; none when nothing changes.
 *
 * @category types
 * @since 0.1.0
 */
export interface Decider<in Command, in out State, in out Event, out Rejection> {
  readonly initialState: State
  readonly decide: (
    command: Command,
    state: State
  ) => Result.Result<ReadonlyArray<Event>, Rejection>
  readonly evolve: (state: State, event: Event) => State
}

/**
 * Builds a decider, its types inferred.
 *
 * **Details**
 * Commands and states are what `decide` takes, rejections what it fails with; events are what
 * `evolve` takes.
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
 * The state that `events` leave, starting from `state`, or from the initial one.
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
 * Decides one command after the other, each in the state that the ones before it left.
 *
 * **Details**
 * Errors: the first rejection; what was decided before it is lost with it.
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
    // Spread as arguments, a long list would overflow the stack.
    for (const event of decided.success) events.push(event)
  }
  return Result.succeed({ state: current, events })
}
