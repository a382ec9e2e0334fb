/**
 * The laws of a decider, for any domain.
 *
 * 1. evolve is total: any event in any state gives a state that its schema accepts, the same each
 *    time.
 * 2. decide is total: any command in any state is answered.
 * 3. decide is a function of the command and the state, and changes neither.
 * 4. evolve accepts every event that decide emits: events and states fit their schemas.
 * 5. Every event that decide emits comes back from its stored form.
 * 6. Generated commands reach every event; otherwise the laws would be tried on too little.
 * 7. A terminal state stays as it is, if the domain names its terminal states.
 * 8. The domain's own claims hold in every state and at each step.
 *
 * **Example** (A purse that never holds less than nothing)
 *
 * ```ts test
 * import * as Aggregate from "@daybook/kernel/Aggregate"
 * import * as Decider from "@daybook/kernel/Decider"
 * import * as EventCodec from "@daybook/kernel/EventCodec"
 * import * as DeciderLaws from "@daybook/testing/laws/DeciderLaws"
 * import * as LawSuite from "@daybook/testing/LawSuite"
 * import { Result, Schema } from "effect"
 *
 * const Command = Schema.TaggedUnion({ Put: { coins: Schema.BigInt }, Take: { coins: Schema.BigInt } })
 * const Event = Schema.TaggedUnion({ Moved: { coins: Schema.BigInt } })
 * const purse = Aggregate.make({
 *   category: "purse",
 *   decider: Decider.make({
 *     initialState: 0n,
 *     decide: (command: typeof Command.Type, held: bigint) => {
 *       const coins = command._tag === "Put" ? command.coins : -command.coins
 *       return held + coins < 0n ? Result.fail("too few" as const) : Result.succeed([Event.cases.Moved.make({ coins })])
 *     },
 *     evolve: (held, { coins }: typeof Event.Type) => held + coins
 *   }),
 *   codec: EventCodec.make({ name: "purse", events: Event }),
 *   state: Schema.BigInt
 * })
 *
 * LawSuite.suite("a purse", DeciderLaws.laws(purse, {
 *   commands: Command,
 *   always: { "never holds less than nothing": (held) => held >= 0n }
 * }))
 * ```
 *
 * @since 0.1.0
 */
import type { Aggregate } from "@daybook/kernel/Aggregate"
import * as Deciders from "@daybook/kernel/Decider"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as History from "../History.ts"
import { copy } from "../internal/copy.ts"
import { same } from "../internal/differences.ts"
import * as Meeting from "../internal/meeting.ts"
import { render, renderSorted } from "../internal/render.ts"
import { roundTripProblem } from "../internal/roundTrip.ts"
import { shorter } from "../internal/simpler.ts"
import { tagsOf } from "../internal/tagsOf.ts"
import { withoutStacks } from "../internal/withoutStacks.ts"
import * as Law from "../Law.ts"

/**
 * The claims of a domain beyond its types.
 *
 * @category types
 * @since 0.1.0
 */
export interface Claims<Command, State, Event, Rejection> {
  /** The schema of the commands, or a generator of them (see {@link History.arbitrary}). */
  readonly commands: History.Commands<Command>
  /** The schema of the rejections, if they have one. */
  readonly rejections?: Schema.Codec<Rejection, unknown>
  /** The tags of events that no command leads to any more. */
  readonly neverDecided?: ReadonlyArray<string>
  /** Returns whether no command changes the state any more. */
  readonly terminal?: (state: State) => boolean
  /** By sentence, a condition that holds in every state that commands reach. */
  readonly always?: { readonly [sentence: string]: (state: State) => boolean }
  /**
   * By sentence, a condition that holds for every command of a history, given the steps before it.
   */
  readonly steps?: {
    readonly [sentence: string]: (
      step: History.Step<Command, State, Event, Rejection>,
      earlier: ReadonlyArray<History.Step<Command, State, Event, Rejection>>
    ) => boolean
  }
}

/**
 * The laws of the decider of `aggregate`, with those of the newest versions of its codec.
 *
 * @category laws
 * @since 0.1.0
 */
export const laws = <Command, State, Event, Rejection>(
  aggregate: Aggregate<Command, State, Event, Rejection>,
  claims: Claims<NoInfer<Command>, NoInfer<State>, NoInfer<Event>, NoInfer<Rejection>>
): ReadonlyArray<Law.Law> => {
  const { codec, decider, state: State } = aggregate
  type Step = History.Step<Command, State, Event, Rejection>
  const stateIssue = issueOf(State)
  const eventIssue = issueOf(codec.events)
  const sameState = Schema.toEquivalence(State)

  const ofHistories = (
    name: string,
    problem: (step: Step, earlier: ReadonlyArray<Step>) => string | undefined
  ): Law.Law =>
    Law.make({
      name,
      inputs: () => History.arbitrary(decider, claims.commands),
      problem: (commands) => {
        const steps = History.steps(decider, commands)
        return first(steps, (step, index) => problem(step, steps.slice(0, index)))
      },
      show: (commands) => History.show(decider, commands),
      simpler: History.simpler(claims.commands)
    })

  /** Any state, including the initial state. */
  const anyState = () =>
    Arbitrary.map(
      Arbitrary.all([Arbitrary.schema(Schema.Boolean), Arbitrary.schema(Schema.toType(State))]),
      ([anywhere, state]) => (anywhere ? state : decider.initialState)
    )

  const evolveIsTotal = Law.make({
    name: "evolve is total",
    inputs: () => {
      const meet = Meeting.make(codec.events)
      const events = Arbitrary.array(Arbitrary.schema(Schema.toType(codec.events)))
      return Arbitrary.all({ state: anyState(), events: Arbitrary.map(events, meet) })
    },
    problem: ({ events, state }) => {
      let current = state
      return first(events, (event) => {
        const given = { state: copy(current), event: copy(event) }
        const next = decider.evolve(given.state, given.event)
        if (renderSorted(given) !== renderSorted({ state: current, event })) {
          return "evolve changed its state or event in place"
        }
        const issue = stateIssue(next)
        if (issue !== undefined)
          return `${render(event)} leaves a state that does not fit its schema: ${issue}`
        if (!sameState(next, decider.evolve(current, event))) {
          return `${render(event)} leaves a different state each time`
        }
        current = next
        return undefined
      })
    },
    show: ({ events, state }) =>
      [`from ${render(state)}`, ...events.map((event) => `  ${render(event, 2)}`)].join("\n"),
    simpler: ({ events, state }) => shorter(events).map((fewer) => ({ events: fewer, state }))
  })

  const decideIsTotal = Law.make({
    name: "decide is total",
    inputs: () => Arbitrary.all({ command: commandOf(claims.commands), state: anyState() }),
    problem: ({ command, state }) => {
      decider.decide(command, state)
      return undefined
    },
    show: ({ command, state }) => `${render(command)}\nin ${render(state)}`
  })

  const decideIsAFunction = Law.make({
    name: "decide is a function of the command and the state",
    inputs: () => History.arbitrary(decider, claims.commands),
    problem: (commands) => {
      let state = decider.initialState
      return first(commands, (command) => {
        const given = { command: copy(command), state: copy(state) }
        const decided = withoutStacks(() => decider.decide(given.command, given.state))
        if (renderSorted(given) !== renderSorted({ command, state })) {
          return "decide changed its command or state in place"
        }
        const again = withoutStacks(() => decider.decide(copy(command), copy(state)))
        if (!same(answer(again), answer(decided))) {
          return `the last command gets a different answer each time: ${render(answer(again))}`
        }
        state = Deciders.fold(
          decider,
          Result.getOrElse(decided, () => []),
          state
        )
        return undefined
      })
    },
    show: (commands) => History.show(decider, commands),
    simpler: History.simpler(claims.commands)
  })

  const rejectionIssue = claims.rejections === undefined ? undefined : issueOf(claims.rejections)
  const evolveAccepts = ofHistories("what decide emits, evolve accepts", ({ before, decided }) => {
    if (Result.isFailure(decided)) {
      const issue = rejectionIssue?.(decided.failure)
      return issue && `the rejection does not fit its schema: ${issue}`
    }
    let state = before
    return first(decided.success, (event) => {
      const issue = eventIssue(event)
      if (issue !== undefined) return `${render(event)} does not fit its schema: ${issue}`
      state = decider.evolve(state, event)
      const left = stateIssue(state)
      return left && `${render(event)} leaves a state that does not fit its schema: ${left}`
    })
  })

  const comesBack = ofHistories(
    "what decide emits comes back from its stored form",
    ({ decided }) =>
      Result.isFailure(decided)
        ? undefined
        : first(decided.success, (event) => roundTripProblem(codec, event))
  )

  const reached = Law.once({
    name: "every event is reached by generated commands",
    problem: () =>
      Effect.map(History.coverage(decider, claims.commands, REACH), ({ events, rejections }) => {
        const missing = tagsOf(codec.events).filter(
          (tag) => !events.has(tag) && claims.neverDecided?.includes(tag) !== true
        )
        const but = Array.from(rejections, ([tag, times]) => `${tag} ${times} times`).join(", ")
        return missing.length === 0
          ? undefined
          : `no history has ${missing.join(", ")}; rejected: ${but === "" ? "nothing" : but}`
      })
  })

  const { terminal } = claims
  const stays =
    terminal === undefined
      ? []
      : [
          ofHistories("what is terminal stays", ({ after, before, command }) =>
            !terminal(before) || sameState(before, after)
              ? undefined
              : `${render(command)} changes ${render(before)}\nto ${render(after)}`
          )
        ]
  const always = Object.entries(claims.always ?? {}).map(([sentence, holds]) =>
    ofHistories(sentence, ({ after, before }, earlier) =>
      // The state before all commands counts too.
      (earlier.length > 0 || holds(before)) && holds(after)
        ? undefined
        : `does not hold in ${render(after)}`
    )
  )
  const steps = Object.entries(claims.steps ?? {}).map(([sentence, holds]) =>
    ofHistories(sentence, (step, earlier) =>
      holds(step, earlier)
        ? undefined
        : `does not hold after the last command, from ${render(step.before)}\nto ${render(step.after)}`
    )
  )
  return [
    evolveIsTotal,
    decideIsTotal,
    decideIsAFunction,
    evolveAccepts,
    comesBack,
    reached,
    ...stays,
    ...always,
    ...steps
  ]
}

/** The seed is fixed, because a rare event would otherwise be missing in some runs. */
const REACH = { count: 200, size: Law.SIZE, seed: "daybook" }

const commandOf = <Command>(commands: History.Commands<Command>): Arbitrary.Arbitrary<Command> =>
  Arbitrary.isArbitrary(commands) ? commands : Arbitrary.schema(Schema.toType(commands))

const answer = <Event, Rejection>(
  decided: Result.Result<ReadonlyArray<Event>, Rejection>
): unknown =>
  Result.match(decided, {
    onSuccess: (events): unknown => ({ events }),
    onFailure: (rejection) => ({ rejection })
  })

/** The first problem among those of `values`. */
const first = <A>(
  values: ReadonlyArray<A>,
  problem: (value: A, index: number) => string | undefined
): string | undefined => {
  for (const [index, value] of values.entries()) {
    const found = problem(value, index)
    if (found !== undefined) return found
  }
  return undefined
}

/**
 * Builds a function that describes why a value does not fit the type of `schema`; `undefined` if it
 * does.
 */
const issueOf = <A>(schema: Schema.Codec<A, unknown>) => {
  const decode = Schema.decodeUnknownResult(Schema.toType(schema))
  return (value: unknown): string | undefined =>
    Result.match(decode(value), {
      onSuccess: () => undefined,
      onFailure: ({ message }) => message
    })
}
