/**
 * The handlers of the administration of read models.
 */
import type * as Position from "@daybook/kernel/Position"
import { Projections } from "@daybook/projections/Projections"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as OperationProblem from "../OperationProblem.ts"
import type { Handlers } from "./implement.ts"
import { actor } from "./why.ts"

interface Model {
  readonly params: { readonly model: string }
}

interface Why {
  readonly reason?: string
}

export const make: Effect.Effect<Handlers, never, Projections> = Effect.gen(function* () {
  const projections = yield* Projections

  const answered = <A>(effect: Effect.Effect<A, OperationProblem.OperationError>) =>
    Effect.catch(effect, OperationProblem.of)

  const acting =
    <Payload>(
      act: (
        model: string,
        payload: Payload,
        by: { readonly actor?: string }
      ) => Effect.Effect<void, OperationProblem.OperationError>
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
