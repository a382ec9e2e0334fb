/**
 * Laws: sentences that hold for every input, and the search for one that breaks them.
 *
 * A law is a value, and the only thing here that is checked: the examples of a specification, the
 * laws of a domain and the contract of a store are lists of laws. {@link check} runs a law with no
 * test runner at all; `LawSuite` turns a list into Vitest tests.
 *
 * **Example** (A law, and how it is found broken)
 *
 * ```ts
 * import * as Law from "@daybook/testing/Law"
 * import { Arbitrary, Effect, Schema } from "effect"
 * import assert from "node:assert"
 *
 * const law = Law.make({
 *   name: "a sum is larger than its parts",
 *   inputs: () => Arbitrary.schema(Schema.Struct({ a: Schema.Int, b: Schema.Int })),
 *   problem: ({ a, b }) => (a + b > a ? undefined : `${a} + ${b} is not larger than ${a}`)
 * })
 * const broken = await Effect.runPromise(Effect.flip(Law.check(law)))
 * assert.strictEqual(broken.reason._tag, "Falsified")
 * assert.match(broken.message, /to replay: /)
 * ```
 *
 * @since 0.1.0
 */
import * as Arbitrary from "effect/Arbitrary"
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Formatter from "effect/Formatter"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import { render } from "./internal/render.ts"

/**
 * The settings of a search for an input that breaks a law.
 *
 * **Details**
 * `runs`: the number of inputs to try; {@link RUNS} by default. `size`: the size of the inputs;
 * {@link SIZE} by default. `seed`: draws the same inputs again; random by default. `replay`: the
 * token of a failure; tries that input alone. `maxShrinks`: the most simpler inputs to try in place
 * of a failing one.
 *
 * @category types
 * @since 0.1.0
 */
export type CheckOptions = Pick<
  Arbitrary.CheckOptions,
  "runs" | "size" | "seed" | "replay" | "maxShrinks"
>

/**
 * The number of inputs that a law is tried on by default.
 *
 * @category limits
 * @since 0.1.0
 */
export const RUNS = 200

/**
 * The size of the inputs by default, in elements, such as the commands of a history.
 *
 * @category limits
 * @since 0.1.0
 */
export const SIZE = 20

/** The most simpler inputs to try in place of a failing one. */
const MAX_TRIES = 1_000

/**
 * A statement that holds for every input. `R` is the services that a check needs.
 *
 * @category types
 * @since 0.1.0
 */
export interface Law<out R = never> {
  /** A sentence that is true when the law holds. */
  readonly name: string
  /** Searches for an input that breaks the law; fails with `LawBroken` when there is one. */
  readonly check: (options?: CheckOptions) => Effect.Effect<void, LawBroken, R>
}

/**
 * The reason that a law does not hold, or could not be tried.
 *
 * **Details**
 * `Falsified`: an input breaks the law. `Failed`: a law without inputs does not hold.
 * `NotGenerated`: there are no inputs, or too few. `NotReplayed`: the token's input no longer
 * breaks the law, or the law draws other inputs now.
 *
 * @category types
 * @since 0.1.0
 */
export type Reason = Data.TaggedEnum<{
  Falsified: {
    /** The smallest failing input that was found, as text. */
    readonly input: string
    /** A description of the problem with that input. */
    readonly problem: string
    /** The number of inputs that were tried. */
    readonly runs: number
    /** The number of times that the failing input was replaced by a simpler one. */
    readonly shrinks: number
    /** The token that {@link CheckOptions} takes to try that input again. */
    readonly replay: string
  }
  Failed: {
    /** A description of the problem. */
    readonly problem: string
  }
  NotGenerated: { readonly problem: string }
  NotReplayed: { readonly replay: string; readonly problem: string }
}>

/**
 * A law is broken, or could not be tried.
 *
 * @category errors
 * @since 0.1.0
 */
export class LawBroken extends Data.TaggedError("LawBroken")<{
  readonly law: string
  readonly reason: Reason
  /** The error with which the law's program ended, if it did. */
  readonly cause?: unknown
}> {
  override get message() {
    const { law, reason } = this
    switch (reason._tag) {
      case "Falsified":
        return [
          `broken: ${law}`,
          reason.problem,
          "",
          reason.input,
          "",
          `found in run ${reason.runs}, shrunk ${reason.shrinks} times`,
          `to replay: { replay: ${JSON.stringify(reason.replay)} }`
        ].join("\n")
      case "Failed":
        return `broken: ${law}\n${reason.problem}`
      case "NotGenerated":
        return `not tried: ${law}\n${reason.problem}`
      case "NotReplayed":
        return `not replayed: ${law}\n${reason.replay}: ${reason.problem}`
    }
  }
}

/**
 * Builds a law from a generator of inputs and a function that finds the problem with one.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <A, R = never>(options: {
  readonly name: string
  /** Builds the generator; called once, when the law is first tried. */
  readonly inputs: () => Arbitrary.Arbitrary<A>
  /**
   * Describes the problem with an input; `undefined` for a right one. A throw, failure or defect
   * counts as a problem.
   */
  readonly problem: (input: A) => string | undefined | Effect.Effect<string | undefined, unknown, R>
  /** Renders an input for a reader. */
  readonly show?: (input: A) => string
  /**
   * Lists inputs to try in place of a failing one, the simplest first, besides those that the
   * generator knows. Each must be nearer to an end, so that the search stops.
   */
  readonly simpler?: (input: A) => ReadonlyArray<A>
  /** The number of inputs to try by default; {@link RUNS} if left out. */
  readonly runs?: number
  /** The size of the inputs by default; {@link SIZE} if left out. */
  readonly size?: number
}): Law<R> => {
  const { name, show = (input) => `for ${render(input)}`, simpler = () => [] } = options
  const broken = (reason: Reason) => Effect.fail(new LawBroken({ law: name, reason }))
  let compiled: Arbitrary.Arbitrary<A> | undefined
  const inputs = Effect.try({
    try: () => (compiled ??= options.inputs()),
    catch: (cause) =>
      new LawBroken({
        law: name,
        reason: { _tag: "NotGenerated", problem: `no input can be generated: ${said(cause)}` }
      })
  })
  const attempt = (input: A): Effect.Effect<boolean, string, R> =>
    Effect.matchEffect(
      holds(() => options.problem(input)),
      {
        onSuccess: () => Effect.succeed(true),
        onFailure: ({ problem }) => Effect.fail(problem)
      }
    )
  /**
   * Replaces a failing input by a simpler one that fails too, until there is no such input left.
   */
  const simplify = Effect.fnUntraced(function* (input: A, problem: string, tries: number) {
    let best = { input, problem, times: 0 }
    let left = tries
    search: while (true) {
      for (const candidate of simpler(best.input)) {
        if (left-- <= 0) break search
        const tried = yield* Effect.result(attempt(candidate))
        if (Result.isFailure(tried)) {
          best = { input: candidate, problem: tried.failure, times: best.times + 1 }
          continue search
        }
      }
      break
    }
    return best
  })
  return {
    name,
    check: Effect.fnUntraced(function* (check = {}) {
      const arbitrary = yield* inputs
      const result = yield* Arbitrary.checkEffect(arbitrary, attempt, {
        runs: options.runs ?? RUNS,
        size: options.size ?? SIZE,
        ...check
      })
      switch (result._tag) {
        case "Passed":
          return
        case "Falsified": {
          const { failure, replay, runs, shrunkInput } = result
          const {
            input: simplest,
            problem,
            times
          } = yield* simplify(
            shrunkInput,
            failure._tag === "PropertyError" ? failure.error : "",
            check.maxShrinks ?? MAX_TRIES
          )
          const shrinks = result.shrinks + times
          // Showing the input may run the domain, which may throw again.
          const input = yield* Effect.sync(() => show(simplest)).pipe(
            Effect.catchDefect((cause) => Effect.succeed(`(not shown: ${said(cause)})`))
          )
          return yield* broken({ _tag: "Falsified", input, problem, runs, shrinks, replay })
        }
        case "Exhausted":
          return yield* broken({
            _tag: "NotGenerated",
            problem: `only ${result.runs} inputs were generated, ${result.discards} were discarded`
          })
        case "ReplayMismatch":
          return yield* broken({
            _tag: "NotReplayed",
            replay: String(check.replay),
            problem: result.reason
          })
      }
    })
  }
}

/**
 * Builds a law without inputs, which is tried once.
 *
 * @category constructors
 * @since 0.1.0
 */
export const once = <R = never>(options: {
  readonly name: string
  /**
   * Describes the problem; `undefined` if there is none. A throw, failure or defect counts as one.
   */
  readonly problem: () => string | undefined | Effect.Effect<string | undefined, unknown, R>
}): Law<R> => ({
  name: options.name,
  check: () =>
    Effect.mapError(
      holds(options.problem),
      ({ cause, problem }) =>
        new LawBroken({ law: options.name, reason: { _tag: "Failed", problem }, cause })
    )
})

/**
 * Builds a law without inputs from a program, which fails or dies when the law does not hold. Each
 * check runs it in a scope of its own.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromEffect = <R>(
  name: string,
  program: Effect.Effect<unknown, unknown, R>
): Law<Exclude<R, Scope.Scope>> =>
  once({ name, problem: () => Effect.scoped(Effect.as(program, undefined)) })

/**
 * Searches for an input that breaks the law.
 *
 * **Details**
 * Errors: `LawBroken`, whose message shows the smallest input that was found, its problem, and the
 * token to replay it.
 *
 * @category operations
 * @since 0.1.0
 */
export const check = <R>(law: Law<R>, options?: CheckOptions): Effect.Effect<void, LawBroken, R> =>
  law.check(options)

/**
 * Tries all laws and returns the broken ones.
 *
 * @category operations
 * @since 0.1.0
 */
export const broken = <R>(
  laws: ReadonlyArray<Law<R>>,
  options?: CheckOptions
): Effect.Effect<ReadonlyArray<LawBroken>, never, R> =>
  Effect.map(
    Effect.forEach(laws, (law) => Effect.result(law.check(options))),
    (results) => results.filter(Result.isFailure).map(({ failure }) => failure)
  )

/**
 * Provides a law with services that it needs. They are built again for each check.
 *
 * @category combinators
 * @since 0.1.0
 */
export const provide = <R, A, E, Needed>(
  law: Law<R>,
  layer: Layer.Layer<A, E, Needed>
): Law<Exclude<R, A> | Needed> => ({
  name: law.name,
  check: (options) => law.check(options).pipe(Effect.provide(Layer.orDie(layer)))
})

/** A problem, and the error that it comes from, if it comes from one. */
interface Problem {
  readonly problem: string
  readonly cause: unknown
}

/** Succeeds when there is no problem. An interruption is none, and goes on. */
const holds = <R>(
  problem: () => string | undefined | Effect.Effect<string | undefined, unknown, R>
): Effect.Effect<void, Problem, R> =>
  Effect.suspend(() => {
    const found = problem()
    return Effect.isEffect(found) ? found : Effect.succeed(found)
  }).pipe(
    Effect.catchCause((cause): Effect.Effect<never, Problem> => {
      if (Cause.hasInterrupts(cause)) return Effect.failCause(cause as Cause.Cause<never>)
      const thrown = Cause.squash(cause)
      return Effect.fail({ problem: said(thrown), cause: thrown })
    }),
    Effect.flatMap((problem) =>
      problem === undefined ? Effect.void : Effect.fail({ problem, cause: undefined })
    )
  )

const said = (thrown: unknown): string =>
  thrown instanceof Error && thrown.message !== ""
    ? thrown.message
    : `threw ${Formatter.format(thrown)}`
