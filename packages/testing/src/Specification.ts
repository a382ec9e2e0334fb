/**
 * Specifications by example: given events, when a command, then events or a rejection.
 *
 * A specification is a value. {@link check} runs it on its decider, with no test runner at all.
 * {@link laws} lists its examples as laws, which `LawSuite` turns into tests, and
 * {@link lawsOnStore} the same examples through a command handler on a store.
 * `ProjectionSpecification` does the same for read models.
 *
 * **Example** (A counter that does not go below zero)
 *
 * ```ts
 * import * as Decider from "@daybook/kernel/Decider"
 * import * as Specification from "@daybook/testing/Specification"
 * import { Result } from "effect"
 *
 * const counter = Decider.make({
 *   initialState: 0,
 *   decide: (by: number, count: number): Result.Result<ReadonlyArray<number>, "below zero"> =>
 *     count + by < 0 ? Result.fail("below zero") : Result.succeed([by]),
 *   evolve: (count, by: number) => count + by
 * })
 *
 * Specification.assert(
 *   Specification.make("a counter", counter, (given) => ({
 *     "counts up": given().when(2).then([2]),
 *     "counts down to zero": given(1, 1).when(-2).then([-2]),
 *     "refuses to go below zero": given(1).when(-2).then("below zero")
 *   }))
 * )
 * ```
 *
 * @since 0.1.0
 */
import type { Aggregate } from "@daybook/kernel/Aggregate"
import * as Deciders from "@daybook/kernel/Decider"
import type { Decider } from "@daybook/kernel/Decider"
import type { CommandHandler } from "@daybook/store/CommandHandler"
import type { EventStore } from "@daybook/store/EventStore"
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import { diff, same } from "./internal/differences.ts"
import * as Examples from "./internal/exampleLaws.ts"
import { executeOnStore } from "./internal/executeOnStore.ts"
import { failureText, labelled } from "./internal/labelled.ts"
import { render } from "./internal/render.ts"
import type * as Law from "./Law.ts"

/**
 * The answer to a command: the events it leads to, or the rejection.
 *
 * @category types
 * @since 0.1.0
 */
export type Answer<Event, Rejection> = Result.Result<ReadonlyArray<Event>, Rejection>

/**
 * One example: after the events `given`, the command `when` gets the answer.
 *
 * @category types
 * @since 0.1.0
 */
export interface Example<out Command, out Event, out Rejection> {
  readonly given: ReadonlyArray<Event>
  readonly when: Command
  readonly answer: Answer<Event, Rejection>
}

/**
 * Begins an example: `given(...events).when(command).then(events)`, or `.then(rejection)`.
 *
 * **Details**
 * An array stands for events, also when it is empty; any other value for the rejection, which thus
 * can't be an array.
 *
 * @category types
 * @since 0.1.0
 */
export type Given<Command, Event, Rejection> = (...events: ReadonlyArray<Event>) => {
  readonly when: (command: Command) => {
    readonly then: (
      expected: ReadonlyArray<Event> | Rejection
    ) => Example<Command, Event, Rejection>
  }
}

/**
 * The examples of a decider, each under the sentence that it demonstrates.
 *
 * @category types
 * @since 0.1.0
 */
export interface Specification<in out Command, in out State, in out Event, in out Rejection> {
  readonly name: string
  readonly decider: Decider<Command, State, Event, Rejection>
  readonly examples: { readonly [sentence: string]: Example<Command, Event, Rejection> }
  /** Tags of commands, events or rejections that no example has. */
  readonly uncovered: ReadonlyArray<string>
}

/**
 * An example got another answer.
 *
 * @category errors
 * @since 0.1.0
 */
export class ExampleFailed extends Data.TaggedError("ExampleFailed")<{
  readonly sentence: string
  readonly given: ReadonlyArray<unknown>
  readonly when: unknown
  /** The differing lines of the answer: expected ones after "-", actual ones after "+". */
  readonly difference: string
}> {
  override get message() {
    const given =
      this.given.length === 0 ? ["nothing"] : this.given.map((event) => render(event, 8))
    return [
      this.sentence,
      ...labelled("given", given.join("\n")),
      ...labelled("when", render(this.when, 8)),
      ...labelled("then", this.difference)
    ].join("\n")
  }
}

/**
 * Some examples got another answer, or some tags have no example.
 *
 * @category errors
 * @since 0.1.0
 */
export class SpecificationFailed extends Data.TaggedError("SpecificationFailed")<{
  readonly specification: string
  readonly failures: ReadonlyArray<ExampleFailed>
  /** Tags of commands, events or rejections that no example has. */
  readonly uncovered: ReadonlyArray<string>
}> {
  override get message() {
    return failureText(this)
  }
}

/**
 * Builds a specification of `decider`, and infers its types.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <Command, State, Event, Rejection>(
  name: string,
  decider: Decider<Command, State, Event, Rejection>,
  examples: (given: Given<NoInfer<Command>, NoInfer<Event>, NoInfer<Rejection>>) => {
    readonly [sentence: string]: Example<NoInfer<Command>, NoInfer<Event>, NoInfer<Rejection>>
  },
  /**
   * Cases of tagged unions, such as `OrderCommand.cases`. Each tag needs a command, a decided event
   * or a rejection in some example, so that a new case without an example is found.
   */
  options: { readonly covers?: ReadonlyArray<object> } = {}
): Specification<Command, State, Event, Rejection> => {
  const all = examples((...given) => ({
    when: (command) => ({
      // `then` is the word of given, when, then. An awaited example throws the error below.
      // oxlint-disable-next-line unicorn/no-thenable
      then: (expected) => {
        if (typeof expected === "function") {
          throw new Error("an example was awaited before its `then` was given")
        }
        return { given, when: command, answer: answerOf<Event, Rejection>(expected) }
      }
    })
  }))
  const covered = new Set(Object.values(all).flatMap(tagsOf))
  const wanted = (options.covers ?? []).flatMap((cases) => Object.keys(cases))
  return { name, decider, examples: all, uncovered: wanted.filter((tag) => !covered.has(tag)) }
}

/**
 * Lists the examples as laws of the decider, and a law that each tag of `covers` is in one.
 *
 * @category laws
 * @since 0.1.0
 */
export const laws = <Command, State, Event, Rejection>(
  specification: Specification<Command, State, Event, Rejection>
): ReadonlyArray<Law.Law> =>
  Examples.laws(specification, ([sentence, example]) =>
    Effect.sync(() => decide(specification.decider, sentence, example))
  )

/**
 * Lists the same examples as laws of a command handler on a store, each on a stream of its own.
 *
 * **Details**
 * An example holds when the handler gives its answer, and the stream holds the given events
 * followed by the expected ones.
 *
 * @category laws
 * @since 0.1.0
 */
export const lawsOnStore = <Command, State, Event, Rejection>(
  aggregate: Aggregate<Command, State, Event, Rejection>,
  specification: Specification<Command, State, Event, Rejection>
): ReadonlyArray<Law.Law<CommandHandler | EventStore>> =>
  Examples.laws(specification, ([sentence, example]) =>
    Effect.map(Effect.exit(executeOnStore(aggregate, example)), (answer) =>
      compare(
        sentence,
        example,
        Exit.isSuccess(answer)
          ? Result.succeed(answer.value)
          : Result.fail(Cause.squash(answer.cause))
      )
    )
  )

/**
 * Runs every example on the decider.
 *
 * **Details**
 * Errors: `SpecificationFailed`, whose message shows the differences by example. A decider that
 * throws fails its example.
 *
 * @category operations
 * @since 0.1.0
 */
export const check = <Command, State, Event, Rejection>(
  specification: Specification<Command, State, Event, Rejection>
): Result.Result<void, SpecificationFailed> => {
  const { decider, examples, name, uncovered } = specification
  const failures = Object.entries(examples).flatMap(([sentence, example]) => {
    const failure = decide(decider, sentence, example)
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
export const assert = <Command, State, Event, Rejection>(
  specification: Specification<Command, State, Event, Rejection>
): void => Result.getOrThrow(check(specification))

/** Runs one example on the decider; returns its failure, or `undefined` when it holds. */
const decide = <Command, State, Event, Rejection>(
  decider: Decider<Command, State, Event, Rejection>,
  sentence: string,
  example: Example<Command, Event, Rejection>
): ExampleFailed | undefined =>
  compare(
    sentence,
    example,
    Result.try({
      try: () => decider.decide(example.when, Deciders.fold(decider, example.given)),
      catch: (thrown) => thrown
    })
  )

/**
 * Compares the expected answer of an example with `actual`, whose failure is the value that was
 * thrown instead of an answer. Returns the failure of the example, or `undefined`.
 */
const compare = <Command, Event, Rejection>(
  sentence: string,
  { answer, given, when }: Example<Command, Event, Rejection>,
  actual: Result.Result<Answer<Event, Rejection>, unknown>
): ExampleFailed | undefined => {
  const [expected, got] = [
    told(answer),
    Result.match(actual, { onSuccess: told, onFailure: (thrown) => [outcome("threw"), thrown] })
  ]
  return same(expected, got)
    ? undefined
    : new ExampleFailed({ sentence, given, when, difference: diff(expected, got) })
}

/** Tells events from a rejection at run time: a rejection is never an array. */
const answerOf = <Event, Rejection>(
  expected: ReadonlyArray<Event> | Rejection
): Answer<Event, Rejection> =>
  Array.isArray(expected)
    ? Result.succeed(expected as ReadonlyArray<Event>)
    : Result.fail(expected as Rejection)

/** Lists the parts of an answer, for the comparison. */
const told = <Event, Rejection>(answer: Answer<Event, Rejection>): ReadonlyArray<unknown> =>
  Result.match(answer, {
    onSuccess: (events) => [outcome("accepted"), ...events],
    onFailure: (rejection) => [outcome("rejected"), rejection]
  })

/** Marks the kind of an answer. It is shown as its tag, and equals no event. */
const outcome = (tag: "accepted" | "rejected" | "threw") => ({ _tag: tag })

const tagsOf = <Command, Event, Rejection>({
  answer,
  when
}: Example<Command, Event, Rejection>): ReadonlyArray<string> =>
  [
    when,
    ...Result.match(answer, {
      onSuccess: (events): ReadonlyArray<unknown> => events,
      onFailure: (rejection) => [rejection]
    })
  ].flatMap((value) =>
    Predicate.hasProperty(value, "_tag") && typeof value._tag === "string" ? [value._tag] : []
  )
