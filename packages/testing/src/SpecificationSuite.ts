/**
 * Registers specifications as Vitest tests, one for each example.
 *
 * @since 0.1.0
 */
// The caller chooses the titles.
/* oxlint-disable vitest/valid-title */
import type { Aggregate } from "@daybook/kernel/Aggregate"
import type { CommandHandler } from "@daybook/store/CommandHandler"
import type { EventStore } from "@daybook/store/EventStore"
import { describe, it, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as HandlerSpecification from "./HandlerSpecification.ts"
import * as ProjectionSpecification from "./ProjectionSpecification.ts"
import * as Specification from "./Specification.ts"

/**
 * Registers a test for each example of the decider, and one for the tags that need an example.
 *
 * @category suites
 * @since 0.1.0
 */
export const suite = <Command, State, Event, Rejection>(
  specification: Specification.Specification<Command, State, Event, Rejection>
): void => {
  describe(specification.name, () => {
    for (const sentence of Object.keys(specification.examples)) {
      it(sentence, () => {
        const failure = Specification.checkExample(specification, sentence)
        if (failure !== undefined) throw failure
      })
    }
    it("has an example of everything that it covers", () => {
      Result.getOrThrow(Specification.conclude(specification, []))
    })
  })
}

/**
 * Registers the same examples, run through a command handler on a store. `store` builds both.
 *
 * @category suites
 * @since 0.1.0
 */
export const suiteOnStore = <Command, State, Event, Rejection, E>(
  aggregate: Aggregate<Command, State, Event, Rejection>,
  specification: Specification.Specification<Command, State, Event, Rejection>,
  store: Layer.Layer<CommandHandler | EventStore, E>
): void => {
  // A database may have to be started, and its connections use the real clock.
  layer(store, { timeout: "2 minutes", excludeTestServices: true })(specification.name, (it) => {
    for (const sentence of Object.keys(specification.examples)) {
      it.effect(sentence, () =>
        Effect.flatMap(
          HandlerSpecification.checkExample(aggregate, specification, sentence),
          (failure) => (failure === undefined ? Effect.void : Effect.fail(failure))
        )
      )
    }
  })
}

/**
 * Registers a test for each example of a read model, and one for the tags that need an example.
 *
 * @category suites
 * @since 0.1.0
 */
export const suiteOfProjection = <Event, Key extends object, Row extends object>(
  specification: ProjectionSpecification.ProjectionSpecification<Event, Key, Row>
): void => {
  describe(specification.name, () => {
    for (const sentence of Object.keys(specification.examples)) {
      it(sentence, () => {
        const failure = ProjectionSpecification.checkExample(specification, sentence)
        if (failure !== undefined) throw failure
      })
    }
    it("has an example of every event that it covers", () => {
      Result.getOrThrow(ProjectionSpecification.conclude(specification, []))
    })
  })
}
