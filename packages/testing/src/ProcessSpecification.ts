/**
 * Specifications of process managers by example: given events, when an event, a time or a
 * rejection, then events, commands, timers and a state.
 *
 * Time passes only where an example says so, and each timer that is due by then fires. Events,
 * commands and timers pass through their stored forms, as in a log.
 *
 * **Example** (A parking ticket that is fined when nobody pays it within an hour)
 *
 * ```ts
 * import * as EventCodec from "@daybook/kernel/EventCodec"
 * import * as ProcessManager from "@daybook/kernel/ProcessManager"
 * import * as StreamId from "@daybook/kernel/StreamId"
 * import * as ProcessSpecification from "@daybook/testing/ProcessSpecification"
 * import * as ProjectionSpecification from "@daybook/testing/ProjectionSpecification"
 * import { Schema } from "effect"
 *
 * const Ticket = Schema.TaggedUnion({ Drawn: {}, Paid: {} })
 * const tickets = {
 *   category: StreamId.Category.make("ticket"),
 *   codec: EventCodec.make({ name: "ticket", events: Ticket })
 * }
 * const parking = ProcessManager.define({
 *   name: "parking",
 *   from: [tickets],
 *   timers: ["expiry"],
 *   events: EventCodec.make({ name: "parking", events: Schema.TaggedUnion({ Fined: {} }) }),
 *   state: Schema.Literals(["parked", "fined"])
 * }).make({
 *   initialState: "parked",
 *   correlate: ({ _tag }, { streamId }) =>
 *     _tag === "Drawn" ? { start: StreamId.id(streamId) } : { end: StreamId.id(streamId) },
 *   evolve: () => "fined",
 *   react: (_, { _tag }) =>
 *     _tag === "Drawn"
 *       ? { timers: [{ set: "expiry", after: "1 hour" }] }
 *       : _tag === "TimerFired"
 *         ? { events: [{ _tag: "Fined" }] }
 *         : {}
 * })
 *
 * const car = ProjectionSpecification.stream(tickets, "car")
 * ProcessSpecification.assert(
 *   ProcessSpecification.make("parking", parking, (given) => ({
 *     "begins with a ticket": given()
 *       .when(car.events({ _tag: "Drawn" }))
 *       .then({ timers: [{ set: "expiry", after: "1 hour" }], state: "parked" }),
 *     "fines whoever has not paid": given(car.events({ _tag: "Drawn" }))
 *       .when({ after: "1 hour" })
 *       .then({ events: [{ _tag: "Fined" }], state: "fined" }),
 *     "leaves whoever has paid": given(car.events({ _tag: "Drawn" }, { _tag: "Paid" }))
 *       .when({ after: "1 hour" })
 *       .then("ignored")
 *   }))
 * )
 * ```
 *
 * @since 0.1.0
 */
import type { EncodedEvent } from "@daybook/kernel/EventCodec"
import { isProcessEvent, type ProcessEvent } from "@daybook/kernel/ProcessEvent"
import type {
  CommandRejected,
  CommandTo,
  ProcessManager,
  Tagged,
  Targets,
  TimerChange
} from "@daybook/kernel/ProcessManager"
import * as Data from "effect/Data"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import { diff, same } from "./internal/differences.ts"
import * as ExampleLaws from "./internal/exampleLaws.ts"
import { failureText, labelled } from "./internal/labelled.ts"
import * as ProcessRun from "./internal/processRun.ts"
import { render } from "./internal/render.ts"
import type * as Law from "./Law.ts"
import { eventId, type Happened, occurredAt } from "./ProjectionSpecification.ts"

/**
 * An input of an example: events of a stream, a time that passes, or the rejection of a command
 * that the process issued before.
 *
 * **Details**
 * Each event occurs a minute after the one before, unless its circumstances say otherwise; see
 * `ProjectionSpecification.stream`. An instant is absolute, a duration counts from the last input.
 *
 * @category types
 * @since 0.1.0
 */
export type Happening<Event, Of extends Targets> =
  | ReadonlyArray<Happened<Event>>
  | { readonly after: Duration.Input }
  | { readonly at: DateTime.Utc }
  | CommandRejected<Of>

/**
 * The consequences of an input: a part that is left out is expected to be empty, except the state.
 * `"ignored"` expects that no process takes the input.
 *
 * @category types
 * @since 0.1.0
 */
export type Consequences<State, Own, Of extends Targets, Timer> =
  | "ignored"
  | {
      readonly events?: ReadonlyArray<Own>
      readonly commands?: ReadonlyArray<CommandTo<Of>>
      /**
       * The timers that are set and cancelled. The end of a process cancels its timers; these are
       * not listed.
       */
      readonly timers?: ReadonlyArray<TimerChange<Timer>>
      /** The state of the process afterwards; not compared if left out. */
      readonly state?: State
      /** True when the input ends the process. */
      readonly ended?: boolean
    }

/**
 * One example: after the inputs `given`, the input `when` has the consequences.
 *
 * @category types
 * @since 0.1.0
 */
export interface Example<Event, State, Own, Of extends Targets, Timer> {
  readonly given: ReadonlyArray<Happening<Event, Of>>
  readonly when: Happening<Event, Of>
  readonly consequences: Consequences<State, Own, Of, Timer>
}

/**
 * Begins an example: `given(...inputs).when(input).then(consequences)`.
 *
 * @category types
 * @since 0.1.0
 */
export type Given<Event, State, Own, Of extends Targets, Timer> = (
  ...given: ReadonlyArray<Happening<Event, Of>>
) => {
  readonly when: (input: Happening<Event, Of>) => {
    readonly then: (
      consequences: Consequences<State, Own, Of, Timer>
    ) => Example<Event, State, Own, Of, Timer>
  }
}

/**
 * The examples of a process manager, each under the sentence that it demonstrates.
 *
 * @category types
 * @since 0.1.0
 */
export interface ProcessSpecification<
  in out Event,
  in out State,
  in out Own,
  in out Of extends Targets,
  in out Timer extends string
> {
  readonly name: string
  readonly process: ProcessManager<Event, State, Own, Of, Timer>
  readonly examples: { readonly [sentence: string]: Example<Event, State, Own, Of, Timer> }
  /** Tags of events and commands that no example has. */
  readonly uncovered: ReadonlyArray<string>
}

/**
 * An example had other consequences.
 *
 * @category errors
 * @since 0.1.0
 */
export class ExampleFailed extends Data.TaggedError("ExampleFailed")<{
  readonly sentence: string
  readonly given: ReadonlyArray<unknown>
  readonly when: ReadonlyArray<unknown>
  /** The differing lines: expected ones after "-", actual ones after "+". */
  readonly difference: string
}> {
  override get message() {
    const lines = (shown: ReadonlyArray<unknown>) =>
      shown.length === 0 ? "nothing" : shown.map((one) => render(one, 8)).join("\n")
    return [
      this.sentence,
      ...labelled("given", lines(this.given)),
      ...labelled("when", lines(this.when)),
      ...labelled("then", this.difference)
    ].join("\n")
  }
}

/**
 * Some examples had other consequences, or some tags have no example.
 *
 * @category errors
 * @since 0.1.0
 */
export class SpecificationFailed extends Data.TaggedError("SpecificationFailed")<{
  readonly specification: string
  readonly failures: ReadonlyArray<ExampleFailed>
  /** Tags of events and commands that no example has. */
  readonly uncovered: ReadonlyArray<string>
}> {
  override get message() {
    return failureText(this)
  }
}

/**
 * Builds a specification of `process`, and infers its types.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <Event, State, Own, Of extends Targets, Timer extends string>(
  name: string,
  process: ProcessManager<Event, State, Own, Of, Timer>,
  examples: (
    given: Given<NoInfer<Event>, NoInfer<State>, NoInfer<Own>, NoInfer<Of>, NoInfer<Timer>>
  ) => { readonly [sentence: string]: Example<Event, State, Own, Of, Timer> },
  /**
   * Cases of tagged unions, such as `OrderEvent.cases`. Each tag needs an event or a command in the
   * `when` or the `then` of some example, so that a new case without an example is found.
   */
  options: { readonly covers?: ReadonlyArray<object> } = {}
): ProcessSpecification<Event, State, Own, Of, Timer> => {
  const all = examples((...given) => ({
    when: (when) => ({
      // `then` is the word of given, when, then. An awaited example throws the error below.
      // oxlint-disable-next-line unicorn/no-thenable
      then: (consequences) => {
        if (typeof consequences === "function") {
          throw new Error("an example was awaited before its `then` was given")
        }
        return { given, when, consequences }
      }
    })
  }))
  const covered = new Set(Object.values(all).flatMap(tagsOf))
  const wanted = (options.covers ?? []).flatMap((cases) => Object.keys(cases))
  return { name, process, examples: all, uncovered: wanted.filter((tag) => !covered.has(tag)) }
}

/**
 * Lists the examples as laws of the process manager, and a law that each tag of `covers` is in one.
 *
 * @category laws
 * @since 0.1.0
 */
export const laws = <Event, State, Own, Of extends Targets, Timer extends string>(
  specification: ProcessSpecification<Event, State, Own, Of, Timer>
): ReadonlyArray<Law.Law> =>
  ExampleLaws.laws(specification, ([sentence, example]) =>
    Effect.sync(() => run(specification.process, sentence, example))
  )

/**
 * Runs every example.
 *
 * **Details**
 * Errors: `SpecificationFailed`, whose message shows the differences by example. An example fails
 * when an event is refused by its codec, is of a category that the process manager does not read,
 * or leads to a step that is refused.
 *
 * @category operations
 * @since 0.1.0
 */
export const check = <Event, State, Own, Of extends Targets, Timer extends string>(
  specification: ProcessSpecification<Event, State, Own, Of, Timer>
): Result.Result<void, SpecificationFailed> => {
  const { examples, name, process, uncovered } = specification
  const failures = Object.entries(examples).flatMap(([sentence, example]) => {
    const failure = run(process, sentence, example)
    return failure === undefined ? [] : [failure]
  })
  return failures.length === 0 && uncovered.length === 0
    ? Result.void
    : Result.fail(new SpecificationFailed({ specification: name, failures, uncovered }))
}

/**
 * Runs every example and throws the `SpecificationFailed`, under any test runner or none.
 *
 * @category operations
 * @since 0.1.0
 */
export const assert = <Event, State, Own, Of extends Targets, Timer extends string>(
  specification: ProcessSpecification<Event, State, Own, Of, Timer>
): void => Result.getOrThrow(check(specification))

/** Runs one example; returns its failure, or `undefined` when it holds. */
const run = <Event, State, Own, Of extends Targets, Timer extends string>(
  process: ProcessManager<Event, State, Own, Of, Timer>,
  sentence: string,
  { consequences, given, when }: Example<Event, State, Own, Of, Timer>
): ExampleFailed | undefined => {
  const failed = (difference: string) =>
    new ExampleFailed({ sentence, given: given.flatMap(shown), when: shown(when), difference })
  const outcome = Result.try({
    try: () => happen(process, given, when),
    catch: (thrown) => `threw ${render(thrown, 8)}`
  })
  const taken = Result.flatMap(outcome, (steps) => steps)
  if (Result.isFailure(taken)) return failed(taken.failure)
  const expected = expectedLines(process.targets, consequences, taken.success)
  if (Result.isFailure(expected)) return failed(expected.failure)
  const actual = actualLines(consequences, taken.success)
  return same(expected.success, actual) ? undefined : failed(diff(expected.success, actual))
}

/** Runs the inputs of an example, and returns the steps that the last one led to. */
const happen = <Event, State, Own, Of extends Targets, Timer extends string>(
  process: ProcessManager<Event, State, Own, Of, Timer>,
  given: ReadonlyArray<Happening<Event, Of>>,
  when: Happening<Event, Of>
): Result.Result<ReadonlyArray<ProcessRun.Step<State, Own>>, string> =>
  Result.gen(function* () {
    const world = ProcessRun.make(process, occurredAt(0))
    let count = 0
    let last: ReadonlyArray<ProcessRun.Step<State, Own>> = []
    for (const happening of [...given, when]) {
      if (isHappened(happening)) {
        const steps: Array<ProcessRun.Step<State, Own>> = []
        for (const one of happening) {
          const encoded = yield* Result.mapError(one.encode(), (failure) => render(failure, 8))
          steps.push(...(yield* world.occur(occurrence(one, encoded, ++count))))
        }
        last = steps
      } else if ("_tag" in happening) {
        const { command, id, rejection, to } = happening
        const stored = yield* encodeCommand(process.targets, { command, id, to })
        last = yield* world.reject({ to, id, command: stored.command, rejection })
      } else {
        last = yield* world.pass(happening)
      }
    }
    return last
  })

const isHappened = <Event, Of extends Targets>(
  happening: Happening<Event, Of>
): happening is ReadonlyArray<Happened<Event>> => Array.isArray(happening)

const occurrence = <Event>(
  { id, metadata, occurredAt: at, streamId }: Happened<Event>,
  encoded: EncodedEvent,
  n: number
): ProcessRun.Occurrence => ({
  ...encoded,
  streamId,
  id: id ?? eventId(n),
  metadata: metadata ?? {},
  occurredAt: at ?? occurredAt(n)
})

/** Returns the event that issues a command. */
const encodeCommand = (
  targets: Targets,
  { command, id, to }: { readonly to: string; readonly id: string; readonly command: unknown }
): Result.Result<Extract<ProcessEvent, { readonly _tag: "CommandIssued" }>, string> => {
  const target = targets[to]
  if (target === undefined) return Result.fail(`it sends no commands to ${to}`)
  // The types of an example say that the command is one of this target.
  return Result.map(target.encode(command as never), (encoded) => ({
    _tag: "CommandIssued",
    to,
    id,
    command: encoded
  }))
}

const IGNORED = [{ _tag: "ignored" }]

const expectedLines = <State, Own, Of extends Targets, Timer>(
  targets: Of,
  consequences: Consequences<State, Own, Of, Timer>,
  steps: ReadonlyArray<ProcessRun.Step<State, Own>>
): Result.Result<ReadonlyArray<unknown>, string> =>
  Result.gen(function* () {
    if (consequences === "ignored") return IGNORED
    const { commands = [], ended = false, events = [], timers = [] } = consequences
    const issued: Array<unknown> = []
    for (const command of commands) issued.push(yield* encodeCommand(targets, command))
    const at = steps.at(-1)?.at ?? occurredAt(0)
    return [
      ...events,
      ...issued,
      ...timers.map((change) => timerLine(change, at)),
      ...("state" in consequences ? [{ _tag: "state", state: consequences.state }] : []),
      ...(ended ? [ENDED] : [])
    ]
  })

const ENDED = { _tag: "ended" }

const timerLine = <Timer>(change: TimerChange<Timer>, at: DateTime.Utc): unknown => {
  if ("cancel" in change) return { _tag: "cancel", timer: change.cancel }
  const due =
    "at" in change
      ? change.at
      : DateTime.makeUnsafe(DateTime.toEpochMillis(at) + Duration.toMillis(change.after))
  return { _tag: "set", timer: change.set, due: DateTime.formatIso(due) }
}

const actualLines = <State, Own, Of extends Targets, Timer>(
  consequences: Consequences<State, Own, Of, Timer>,
  steps: ReadonlyArray<ProcessRun.Step<State, Own>>
): ReadonlyArray<unknown> => {
  const last = steps.at(-1)
  if (last === undefined) return IGNORED
  const [own, issued, timers]: [Array<unknown>, Array<unknown>, Array<unknown>] = [[], [], []]
  const ended = steps.some(({ events }) => events.some(hasTag("ProcessEnded")))
  for (const { events } of steps) {
    const ends = events.some(hasTag("ProcessEnded"))
    for (const event of events as ReadonlyArray<Tagged | ProcessEvent>) {
      if (!isProcessEvent(event)) own.push(event)
      else if (event._tag === "CommandIssued") issued.push(event)
      else if (event._tag === "TimerSet") {
        timers.push({ _tag: "set", timer: event.timer, due: DateTime.formatIso(event.due) })
      } else if (event._tag === "TimerCancelled" && !ends) {
        timers.push({ _tag: "cancel", timer: event.timer })
      }
    }
  }
  const compared = consequences !== "ignored" && "state" in consequences
  return [
    ...own,
    ...issued,
    ...timers,
    ...(compared ? [{ _tag: "state", state: last.after.state }] : []),
    ...(ended ? [ENDED] : [])
  ]
}

const hasTag =
  (tag: string) =>
  (value: unknown): boolean =>
    Predicate.hasProperty(value, "_tag") && value._tag === tag

/** Lists the events of a happening as a failure shows them, or the happening itself. */
const shown = <Event, Of extends Targets>(
  happening: Happening<Event, Of>
): ReadonlyArray<unknown> =>
  isHappened(happening) ? happening.map((one) => one.shown) : [happening]

/** The tags of the input and the consequences of an example. */
const tagsOf = <Event, State, Own, Of extends Targets, Timer>({
  consequences,
  when
}: Example<Event, State, Own, Of, Timer>): ReadonlyArray<string> => {
  const { commands = [], events = [] } = consequences === "ignored" ? {} : consequences
  return [...shown(when), ...events, ...commands.map(({ command }) => command)].flatMap(tagOf)
}

const tagOf = (value: unknown): ReadonlyArray<string> =>
  Predicate.hasProperty(value, "_tag") && typeof value._tag === "string" ? [value._tag] : []
