/**
 * Laws as Vitest tests.
 *
 * @since 0.1.0
 */
// The titles are those of the caller.
/* oxlint-disable vitest/valid-title */
import { describe, it } from "@effect/vitest"
import type { CheckOptions, Law } from "./Law.ts"

/** A search takes seconds, on a busy machine more; that it ends is all that is asked. */
const TIMEOUT_MILLIS = 120_000

/**
 * How the laws of a suite are tried, see {@link CheckOptions}; `replay` is by the name of the law.
 *
 * @category types
 * @since 0.1.0
 */
export interface SuiteOptions extends Omit<CheckOptions, "replay"> {
  readonly replay?: { readonly [law: string]: string }
}

/**
 * Registers a test for each law; what a law needs is given by `Law.provide`.
 *
 * @category suites
 * @since 0.1.0
 */
export const suite = (
  name: string,
  laws: ReadonlyArray<Law>,
  { replay, ...options }: SuiteOptions = {}
): void => {
  describe(name, () => {
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
