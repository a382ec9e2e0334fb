/**
 * Registers laws as Vitest tests: those of a domain, the examples of a specification, the contract
 * of a store. No other module here needs a test runner.
 *
 * **Example** (A law as a test, on 500 inputs)
 *
 * ```ts test
 * import * as Law from "@daybook/testing/Law"
 * import * as LawSuite from "@daybook/testing/LawSuite"
 * import { Arbitrary, Schema } from "effect"
 *
 * const commutes = Law.make({
 *   name: "addition commutes",
 *   inputs: () => Arbitrary.schema(Schema.Tuple([Schema.Int, Schema.Int])),
 *   problem: ([a, b]) => (a + b === b + a ? undefined : `${a} + ${b} is not ${b} + ${a}`)
 * })
 *
 * LawSuite.suite("integers", [commutes], { runs: 500 })
 * ```
 *
 * @since 0.1.0
 */
import { layer } from "@effect/vitest"
import * as Layer from "effect/Layer"
import type { CheckOptions, Law } from "./Law.ts"

/**
 * A search takes seconds, on a busy machine or a real server more, and a database may have to be
 * started. The timeout only has to end one that hangs.
 */
const TIMEOUT_MILLIS = 240_000

/**
 * The settings of a suite of laws, see {@link CheckOptions}.
 *
 * @category types
 * @since 0.1.0
 */
export interface SuiteOptions extends Omit<CheckOptions, "replay"> {
  /** The token to replay, by the name of the law. */
  readonly replay?: { readonly [law: string]: string }
}

/**
 * Registers a test for each law.
 *
 * **Details**
 * All tests share the services that the layer builds once, and run by the real clock, as the
 * connections of a database do. `Law.provide` gives a law services that are built for each check.
 *
 * @category suites
 * @since 0.1.0
 */
export const suite: {
  (name: string, laws: ReadonlyArray<Law>, options?: SuiteOptions): void
  <R, E>(
    name: string,
    laws: ReadonlyArray<Law<R>>,
    services: Layer.Layer<R, E>,
    options?: SuiteOptions
  ): void
} = <R, E>(
  name: string,
  laws: ReadonlyArray<Law<R>>,
  third: Layer.Layer<R, E> | SuiteOptions = {},
  fourth: SuiteOptions = {}
): void => {
  if (isServices(third)) register(name, laws, third, fourth)
  // The first signature, whose laws need nothing.
  else register(name, laws as ReadonlyArray<Law>, Layer.empty, third)
}

const isServices = <R, E>(third: Layer.Layer<R, E> | SuiteOptions): third is Layer.Layer<R, E> =>
  Layer.isLayer(third)

const register = <R, E>(
  name: string,
  laws: ReadonlyArray<Law<R>>,
  services: Layer.Layer<R, E>,
  { replay, ...options }: SuiteOptions
): void => {
  layer(services, { timeout: TIMEOUT_MILLIS, excludeTestServices: true })(name, (it) => {
    for (const law of laws) {
      const token = replay?.[law.name]
      it.effect(
        law.name,
        () => law.check(token === undefined ? options : { ...options, replay: token }),
        TIMEOUT_MILLIS
      )
    }
  })
}
