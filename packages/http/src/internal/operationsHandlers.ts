/**
 * The handlers of the administration of read models.
 */
import type * as Position from "@daybook/kernel/Position"
import { Projections, type RebuildError, type RunnerError } from "@daybook/projections/Projections"
import type {
  AlreadyFolded,
  InvalidSkipReason,
  InvalidWhy,
  NoEventToSkip
} from "@daybook/projections/ReadModelError"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import {
  type Malformed,
  malformed,
  NotPossible,
  type Unavailable,
  unavailable,
  Unknown
} from "../Problem.ts"
import type { Handlers } from "./implement.ts"
import { actor } from "./why.ts"

interface Model {
  readonly params: { readonly model: string }
}

interface Why {
  readonly reason?: string
}

type OperationError =
  | RunnerError
  | RebuildError
  | InvalidWhy
  | InvalidSkipReason
  | NoEventToSkip
  | AlreadyFolded

export const make: Effect.Effect<Handlers, never, Projections> = Effect.gen(function* () {
  const projections = yield* Projections

  const answered = <A>(effect: Effect.Effect<A, OperationError>) => Effect.catch(effect, problemOf)

  const acting =
    <Payload>(
      act: (
        model: string,
        payload: Payload,
        by: { readonly actor?: string }
      ) => Effect.Effect<void, OperationError>
    ) =>
    ({ params: { model }, payload }: Model & { readonly payload: Payload }) =>
      answered(
        Effect.flatMap(actor, (by) =>
          Effect.andThen(act(model, payload, by), projections.status(model))
        )
      )

  return {
    statuses: () => answered(projections.statuses),
    status: ({ params }: Model) => answered(projections.status(params.model)),
    acts: ({ params }: Model) => answered(projections.acts(params.model)),
    pause: acting((model, why: Why, by) => projections.pause(model, { ...why, ...by })),
    resume: acting((model, why: Why, by) => projections.resume(model, { ...why, ...by })),
    skip: acting(
      (
        model,
        { position, reason }: { readonly position: Position.Position; readonly reason: string },
        by
      ) => projections.skip(model, position, reason, by)
    ),
    rebuild: ({
      params: { model },
      payload
    }: Model & {
      readonly payload: Why & { readonly accept?: boolean; readonly parallelism?: number }
    }) =>
      answered(
        Effect.gen(function* () {
          const options = { ...payload, ...(yield* actor) }
          // The rebuild goes on without its stream.
          const begun = yield* Stream.runHead(projections.rebuild(model, options))
          if (Option.isNone(begun)) return yield* Effect.die("a rebuild without a beginning")
          const { generation, position, target } = begun.value
          return { generation, position, target }
        })
      )
  }
})

const problemOf = (
  error: OperationError
): Effect.Effect<never, Unknown | Malformed | NotPossible | Unavailable> => {
  switch (error._tag) {
    case "UnknownProjection":
      return Effect.fail(new Unknown({ detail: error.message }))
    case "InvalidWhy":
    case "InvalidSkipReason":
      return Effect.fail(malformed(["payload", "reason"], error.message))
    case "EventStoreError":
    case "ReadModelStoreError":
      return unavailable(error)
    default:
      return Effect.fail(new NotPossible({ detail: error.message }))
  }
}
