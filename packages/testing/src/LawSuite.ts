/**
 * Registers laws as Vitest tests.
 *
 * @since 0.1.0
 */
// The caller chooses the titles.
/* oxlint-disable vitest/valid-title */
import { describe, it } from "@effect/vitest"
import type { CheckOptions, Law } from "./Law.ts"

/** A search takes seconds, on a busy machine more. The timeout only has to end one that hangs. */
const TIMEOUT_MILLIS = 120_000

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
 * Registers a test for each law. `Law.provide` gives a law the services that it needs.
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
