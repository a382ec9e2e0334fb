/**
 * Histories of commands, generated through `decide`, so that each could have happened.
 *
 * @since 0.1.0
 */
import * as Deciders from "@daybook/kernel/Decider"
import type { Decider } from "@daybook/kernel/Decider"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import { copy } from "./internal/copy.ts"
import * as Meeting from "./internal/meeting.ts"
import { renderLine } from "./internal/render.ts"
import { shorter, simpler as simplerValues } from "./internal/simpler.ts"
import { withoutStacks } from "./internal/withoutStacks.ts"

/**
 * A command of a history, with its answer and the states before and after; a rejected command
 * leaves the state.
 *
 * @category types
 * @since 0.1.0
 */
export interface Step<out Command, out State, out Event, out Rejection> {
  readonly command: Command
  readonly before: State
  readonly decided: Result.Result<ReadonlyArray<Event>, Rejection>
  readonly after: State
}

/**
 * The source of commands: their schema, or a generator of them.
 *
 * @category types
 * @since 0.1.0
 */
export type Commands<Command> = Schema.Codec<Command, unknown> | Arbitrary.Arbitrary<Command>

/** The length limit of a history; the size of the inputs may set a lower one. */
const MAX_COMMANDS = 40
/** The most commands that one is chosen from for each place. */
const MAX_CANDIDATES = 6
/**
 * At every `ENDS`th place, a command may be chosen after which no command of the next place is
 * accepted.
 */
const ENDS = 4

/**
 * Generates histories: sequences of commands that are mostly accepted.
 *
 * **Details**
 * For each place in a history up to six commands are drawn. The one chosen leads to an event,
 * preferably to a state in which the next place has one that does too; if none leads to an event,
 * it is the first. Commands of a schema meet: a kind of field, such as an id, has few values in a
 * history, among them the edges of its schema. Shrinking drops and simplifies commands, and decides
 * again.
 *
 * @category generators
 * @since 0.1.0
 */
export const arbitrary = <Command, State, Event, Rejection>(
  decider: Decider<Command, State, Event, Rejection>,
  commands: Commands<Command>
): Arbitrary.Arbitrary<ReadonlyArray<Command>> => {
  const [command, meet] = Arbitrary.isArbitrary(commands)
    ? [commands, (drawn: ReadonlyArray<Command>) => drawn]
    : [Arbitrary.schema(commands), Meeting.make(commands)]
  const places = Arbitrary.array(
    Arbitrary.array(command, { minLength: 1, maxLength: MAX_CANDIDATES }),
    { maxLength: MAX_COMMANDS }
  )
  return Arbitrary.map(places, (drawn) => {
    const met = meet(drawn.flat())
    let from = 0
    const candidates = drawn.map(({ length }) => met.slice(from, (from += length)))
    return withoutStacks(() => choose(decider, candidates))
  })
}

/**
 * Lists histories with fewer commands, or with one that is simpler. Each could have happened too,
 * since it is decided again.
 *
 * @category generators
 * @since 0.1.0
 */
export const simpler = <Command>(
  commands: Commands<Command>
): ((history: ReadonlyArray<Command>) => ReadonlyArray<ReadonlyArray<Command>>) => {
  const variants = Arbitrary.isArbitrary(commands) ? () => [] : simplerValues(commands)
  return (history) => [
    ...shorter(history),
    ...history.flatMap((command, index) =>
      variants(command).map((other) => history.with(index, other))
    )
  ]
}

/**
 * Decides `commands` in turn, each in the state that the ones before it left.
 *
 * @category operations
 * @since 0.1.0
 */
export const steps = <Command, State, Event, Rejection>(
  decider: Decider<Command, State, Event, Rejection>,
  commands: ReadonlyArray<Command>
): ReadonlyArray<Step<Command, State, Event, Rejection>> => {
  let before = decider.initialState
  return withoutStacks(() =>
    commands.map((command) => {
      const decided = decider.decide(command, before)
      const after = Result.isSuccess(decided)
        ? Deciders.fold(decider, decided.success, before)
        : before
      const step = { command, before, decided, after }
      before = after
      return step
    })
  )
}

/**
 * Renders the commands of a history as lines, each followed by its events or its rejection, up to
 * the first command that throws.
 *
 * @category destructors
 * @since 0.1.0
 */
export const show = <Command, State, Event, Rejection>(
  decider: Decider<Command, State, Event, Rejection>,
  commands: ReadonlyArray<Command>
): string => {
  if (commands.length === 0) return "before any command"
  const lines: Array<string> = ["after these commands:"]
  let state = decider.initialState
  for (const [index, command] of commands.entries()) {
    const decided = attempt(() => {
      const answer = decider.decide(command, state)
      if (Result.isSuccess(answer)) state = Deciders.fold(decider, answer.success, state)
      return answer
    })
    lines.push(`${String(index + 1).padStart(4)}. ${renderLine(command)}`)
    if (Result.isFailure(decided))
      return [...lines, `      threw: ${String(decided.failure)}`].join("\n")
    const answer = decided.success
    lines.push(
      ...(Result.isFailure(answer)
        ? [`      rejected: ${renderLine(answer.failure)}`]
        : answer.success.length === 0
          ? ["      nothing"]
          : answer.success.map((event) => `      ${renderLine(event)}`))
    )
  }
  return lines.join("\n")
}

/**
 * The numbers of times that generated histories reached each tag of commands, events, rejections
 * and states.
 *
 * @category types
 * @since 0.1.0
 */
export interface Coverage {
  readonly commands: ReadonlyMap<string, number>
  readonly events: ReadonlyMap<string, number>
  readonly rejections: ReadonlyMap<string, number>
  readonly states: ReadonlyMap<string, number>
}

/**
 * Generates histories and counts the tags that they reach. No law was tried on a tag that is
 * missing.
 *
 * @category operations
 * @since 0.1.0
 */
export const coverage = <Command, State, Event, Rejection>(
  decider: Decider<Command, State, Event, Rejection>,
  commands: Commands<Command>,
  options?: Arbitrary.SampleOptions
): Effect.Effect<Coverage, Arbitrary.SampleError> =>
  Effect.map(Arbitrary.sampleEffect(arbitrary(decider, commands), options), (histories) => {
    const all = histories.flatMap((history) => steps(decider, history))
    return {
      commands: counts(all.map(({ command }) => command)),
      events: counts(all.flatMap(({ decided }) => Result.getOrElse(decided, () => []))),
      rejections: counts(
        all.flatMap(({ decided }) => (Result.isFailure(decided) ? [decided.failure] : []))
      ),
      states: counts(all.map(({ after }) => after))
    }
  })

const counts = (values: ReadonlyArray<unknown>): ReadonlyMap<string, number> => {
  const counted = new Map<string, number>()
  for (const value of values) {
    const tag =
      Predicate.hasProperty(value, "_tag") && typeof value._tag === "string"
        ? value._tag
        : renderLine(value)
    counted.set(tag, (counted.get(tag) ?? 0) + 1)
  }
  return counted
}

/** Chooses for each place the candidate that leads on, and only seldom one that leads to an end. */
const choose = <Command, State, Event, Rejection>(
  decider: Decider<Command, State, Event, Rejection>,
  places: ReadonlyArray<ReadonlyArray<Command>>
): ReadonlyArray<Command> => {
  /**
   * Returns the state after a command that leads to an event, or that throws, which the laws
   * detect; otherwise nothing.
   */
  const after = (command: Command, state: State): { readonly state: State } | undefined =>
    Result.getOrElse(
      attempt(() => {
        // Decides a copy: a `decide` that changes its command must not change the history.
        const decided = decider.decide(copy(command), state)
        if (Result.isFailure(decided) || decided.success.length === 0) return undefined
        return { state: Deciders.fold(decider, decided.success, state) }
      }),
      () => ({ state })
    )
  let state = decider.initialState
  return places.flatMap((candidates, place) => {
    const tried = candidates.map((command) => ({ command, after: after(command, state) }))
    const leadsOn = (from: State): boolean =>
      places[place + 1]?.some((command) => after(command, from) !== undefined) ?? true
    const accepted = tried.filter(({ after }) => after !== undefined)
    const chosen =
      accepted.find(({ after }) => after !== undefined && leadsOn(after.state)) ??
      // Otherwise most histories would soon be in a state that no command leads out of.
      (place % ENDS !== ENDS - 1 && leadsOn(state)
        ? tried.find(({ after }) => after === undefined)
        : undefined) ??
      accepted[0] ??
      tried[0]
    if (chosen === undefined) return []
    state = chosen.after?.state ?? state
    return [chosen.command]
  })
}

const attempt = <A>(run: () => A): Result.Result<A, unknown> =>
  Result.try({ try: run, catch: (thrown) => thrown })
