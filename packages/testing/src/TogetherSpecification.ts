/**
 * Specifications by example of commands on several streams: given streams, when commands together,
 * then the events of each command, or the rejection of one.
 *
 * Like `Specification`, which is about the commands of one decider: a specification is a value,
 * {@link check} runs it on the deciders, {@link laws} lists its examples as laws, and
 * {@link lawsOnStore} the same examples through `CommandHandler.executeTogether` on a store.
 *
 * **Example** (A transfer of points)
 *
 * ```ts
 * import * as Aggregate from "@daybook/kernel/Aggregate"
 * import * as Decider from "@daybook/kernel/Decider"
 * import * as EventCodec from "@daybook/kernel/EventCodec"
 * import * as CommandCall from "@daybook/store/CommandCall"
 * import * as TogetherSpecification from "@daybook/testing/TogetherSpecification"
 * import { Result, Schema } from "effect"
 *
 * const Event = Schema.TaggedUnion({ Counted: { by: Schema.Int } })
 * const points = Aggregate.make({
 *   category: "points",
 *   decider: Decider.make({
 *     initialState: 0,
 *     decide: (by: number, sum: number): Result.Result<ReadonlyArray<typeof Event.Type>, "too few"> =>
 *       sum + by < 0 ? Result.fail("too few") : Result.succeed([Event.cases.Counted.make({ by })]),
 *     evolve: (sum: number, { by }: typeof Event.Type) => sum + by
 *   }),
 *   codec: EventCodec.make({ name: "points", events: Event }),
 *   state: Schema.Int
 * })
 * const give = (by: number) =>
 *   [CommandCall.make(points, "ann", -by), CommandCall.make(points, "bob", by)] as const
 *
 * TogetherSpecification.assert(
 *   TogetherSpecification.make("a gift of points", (given) => ({
 *     "counts on both sides": given(
 *       TogetherSpecification.stream(points, "ann", { _tag: "Counted", by: 3 })
 *     )
 *       .when(...give(2))
 *       .then([{ _tag: "Counted", by: -2 }], [{ _tag: "Counted", by: 2 }]),
 *     "is refused when there are too few": given().when(...give(2)).rejects(0, "too few")
 *   }))
 * )
 * ```
 *
 * @since 0.1.0
 */
import * as Aggregates from "@daybook/kernel/Aggregate"
import type { Aggregate } from "@daybook/kernel/Aggregate"
import * as Deciders from "@daybook/kernel/Decider"
import type * as CommandCall from "@daybook/store/CommandCall"
import type { CommandHandler } from "@daybook/store/CommandHandler"
import type { EventStore } from "@daybook/store/EventStore"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import { diff, same } from "./internal/differences.ts"
import * as Examples from "./internal/exampleLaws.ts"
import { type AnyAggregate, executeTogether } from "./internal/executeTogetherOnStore.ts"
import type * as Law from "./Law.ts"
import { ExampleFailed, SpecificationFailed } from "./Specification.ts"

/**
 * The events of an instance; built by {@link stream}.
 *
 * @category types
 * @since 0.1.0
 */
export interface Stream {
  readonly aggregate: object
  readonly id: string
  readonly events: ReadonlyArray<unknown>
}

/**
 * The answer to commands together: the events of each, or the first rejection and its place.
 *
 * @category types
 * @since 0.1.0
 */
export type Answer = Result.Result<
  ReadonlyArray<ReadonlyArray<unknown>>,
  { readonly place: number; readonly rejection: unknown }
>

/**
 * One example: on the streams `given`, the commands `when` get the answer.
 *
 * @category types
 * @since 0.1.0
 */
export interface Example {
  readonly given: ReadonlyArray<Stream>
  readonly when: ReadonlyArray<CommandCall.Any>
  readonly answer: Answer
}

/**
 * The events that calls lead to, each in the place of its call.
 *
 * @category types
 * @since 0.1.0
 */
export type Events<Calls extends ReadonlyArray<CommandCall.Any>> = {
  readonly [Place in keyof Calls]: Calls[Place] extends CommandCall.CommandCall<
    unknown,
    infer Event,
    unknown
  >
    ? ReadonlyArray<Event>
    : never
}

/**
 * Begins an example: `given(...streams).when(...calls).then(...events)`, with the events of each
 * call, or `.rejects(place, rejection)`, with the place of the rejected call from 0.
 *
 * @category types
 * @since 0.1.0
 */
export type Given = (...streams: ReadonlyArray<Stream>) => {
  readonly when: <const Calls extends ReadonlyArray<CommandCall.Any>>(
    ...calls: Calls
  ) => {
    readonly then: (...events: Events<Calls>) => Example
    readonly rejects: (place: number, rejection: CommandCall.Rejections<Calls>) => Example
  }
}

/**
 * Examples of commands together, each under the sentence that it demonstrates.
 *
 * @category types
 * @since 0.1.0
 */
export interface TogetherSpecification {
  readonly name: string
  readonly examples: { readonly [sentence: string]: Example }
}

/**
 * Builds a specification.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  name: string,
  examples: (given: Given) => { readonly [sentence: string]: Example }
): TogetherSpecification => ({
  name,
  examples: examples((...given) => ({
    when: (...when) => ({
      // `then` is the word of given, when, then. An awaited example throws the error below.
      // oxlint-disable-next-line unicorn/no-thenable
      then: (...events) => {
        if (typeof events[0] === "function") {
          throw new Error("an example was awaited before its `then` was given")
        }
        return { given, when, answer: Result.succeed(events) }
      },
      rejects: (place, rejection) => ({ given, when, answer: Result.fail({ place, rejection }) })
    })
  }))
})

/**
 * Builds the events that the instance `id` has before an example; without any it need not be given.
 *
 * @category constructors
 * @since 0.1.0
 */
export const stream = <Command, State, Event, Rejection>(
  aggregate: Aggregate<Command, State, Event, Rejection>,
  id: string,
  ...events: ReadonlyArray<NoInfer<Event>>
): Stream => ({ aggregate, id, events })

/**
 * Lists the examples as laws of the deciders.
 *
 * @category laws
 * @since 0.1.0
 */
export const laws = (specification: TogetherSpecification): ReadonlyArray<Law.Law> =>
  Examples.laws({ ...specification, uncovered: [] }, ([sentence, example]) =>
    Effect.sync(() => decide(sentence, example))
  )

/**
 * Lists the same examples as laws of a command handler on a store, each on streams of its own.
 *
 * **Details**
 * An example holds when the handler gives its answer, and each stream holds the given events
 * followed by the expected ones.
 *
 * @category laws
 * @since 0.1.0
 */
export const lawsOnStore = (
  specification: TogetherSpecification
): ReadonlyArray<Law.Law<CommandHandler | EventStore>> =>
  Examples.laws({ ...specification, uncovered: [] }, ([sentence, example]) =>
    Effect.map(Effect.exit(executeTogether(example)), (exit) =>
      compare(
        sentence,
        example,
        Exit.isSuccess(exit) ? Result.succeed(exit.value) : Result.fail(Cause.squash(exit.cause))
      )
    )
  )

/**
 * Runs every example on the deciders.
 *
 * **Details**
 * Errors: `SpecificationFailed`, whose message shows the differences by example. A decider that
 * throws fails its example.
 *
 * @category operations
 * @since 0.1.0
 */
export const check = ({
  examples,
  name
}: TogetherSpecification): Result.Result<void, SpecificationFailed> => {
  const failures = Object.entries(examples).flatMap(([sentence, example]) => {
    const failure = decide(sentence, example)
    return failure === undefined ? [] : [failure]
  })
  return failures.length === 0
    ? Result.void
    : Result.fail(new SpecificationFailed({ specification: name, failures, uncovered: [] }))
}

/**
 * Runs every example and throws the `SpecificationFailed`, under any test runner or none.
 *
 * @category operations
 * @since 0.1.0
 */
export const assert = (specification: TogetherSpecification): void =>
  Result.getOrThrow(check(specification))

/** Runs one example on the deciders; returns its failure, or `undefined` when it holds. */
const decide = (sentence: string, example: Example): ExampleFailed | undefined =>
  compare(
    sentence,
    example,
    Result.try({ try: () => decideAll(example), catch: (thrown) => thrown })
  )

/** Decides the calls one after the other, each on the state that those before it leave. */
const decideAll = ({ given, when }: Example): Answer => {
  const states = new Map(
    given.map(({ aggregate, events, id }) => {
      const own = aggregate as AnyAggregate
      return [nameOf(own, id), Deciders.fold(own.decider, events)]
    })
  )
  const answers: Array<ReadonlyArray<unknown>> = []
  for (const [place, { aggregate, command, id }] of when.entries()) {
    const own = aggregate as AnyAggregate
    const name = nameOf(own, id)
    const state = states.has(name) ? states.get(name) : own.decider.initialState
    const decided = own.decider.decide(command, state)
    if (Result.isFailure(decided)) return Result.fail({ place, rejection: decided.failure })
    states.set(name, decided.success.reduce(own.decider.evolve, state))
    answers.push(decided.success)
  }
  return Result.succeed(answers)
}

const nameOf = (aggregate: AnyAggregate, id: string): string =>
  Result.getOrThrow(Aggregates.streamId(aggregate, id))

/**
 * Compares the expected answer of an example with `actual`, whose failure is the value that was
 * thrown instead of an answer. Returns the failure of the example, or `undefined`.
 */
const compare = (
  sentence: string,
  { answer, given, when }: Example,
  actual: Result.Result<Answer, unknown>
): ExampleFailed | undefined => {
  const [expected, got] = [
    told(answer),
    Result.match(actual, { onSuccess: told, onFailure: (thrown) => ["threw", thrown] })
  ]
  return same(expected, got)
    ? undefined
    : new ExampleFailed({
        sentence,
        given: given.map(({ aggregate, events, id }) => ({
          stream: nameOf(aggregate as AnyAggregate, id),
          events
        })),
        when: when.map(({ aggregate, command, id }) => ({
          stream: nameOf(aggregate as AnyAggregate, id),
          command
        })),
        difference: diff(expected, got)
      })
}

/** Lists the parts of an answer, for the comparison. */
const told = (answer: Answer): ReadonlyArray<unknown> =>
  Result.match(answer, {
    onSuccess: (events) => ["accepted", ...events],
    onFailure: ({ place, rejection }) => [`rejected at place ${place}`, rejection]
  })
