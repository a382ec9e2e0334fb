/**
 * Histories of commands: generated through `decide`, so that they could have happened.
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
 * What a command led to; a rejected one to nothing.
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
 * Where commands come from: their schema, or a generator of one's own.
 *
 * @category types
 * @since 0.1.0
 */
export type Commands<Command> = Schema.Codec<Command, unknown> | Arbitrary.Arbitrary<Command>

/** How long histories get when the size allows it. */
const MAX_COMMANDS = 40
/** Of how many commands one is chosen for each place, at most. */
const MAX_CANDIDATES = 6
/** At one of so many places a command may be taken after which the next place has none that is accepted. */
const ENDS = 4

/**
 * Generates histories: commands that are mostly accepted, one after the other.
 *
 * **Details**
 * For each place in a history up to six commands are drawn, and one that leads to an event there is
 * taken, preferably one after which the next can; if none does, the first. Those of a schema meet: a kind of field, such as an id,
 * has few values in a history, among them the edges of its schema. Shrinking drops and simplifies commands, and decides again.
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
 * Histories with fewer commands, or with one that is simpler; they could have happened too, since each is decided anew.
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
 * What `commands` lead to, each in the state that the ones before it left.
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
 * The commands of a history as text, a line each, with what each led to; up to the one that throws.
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
 * How often generated histories came to what: by tag of commands, events, rejections and states.
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
 * Generates histories, and counts what they came to: what was never reached, no law was tried on.
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

/** Of the candidates for each place the one that leads on; seldom one that leads to an end. */
const choose = <Command, State, Event, Rejection>(
  decider: Decider<Command, State, Event, Rejection>,
  places: ReadonlyArray<ReadonlyArray<Command>>
): ReadonlyArray<Command> => {
  /** The state after a command that leads to an event, or that throws, which is for the laws to see. */
  const after = (command: Command, state: State): { readonly state: State } | undefined =>
    Result.getOrElse(
      attempt(() => {
        // A copy, so that a decide that changes its command leaves those of the history alone.
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
      // Else most histories would soon be in a state that nothing leads out of.
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
