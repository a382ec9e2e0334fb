/**
 * The handlers of the administration of consumer groups.
 */
import type { Position } from "@daybook/kernel/Position"
import { ConsumerGroups } from "@daybook/reactors/ConsumerGroups"
import * as Effect from "effect/Effect"
import * as OperationProblem from "../OperationProblem.ts"
import type { Handlers } from "./implement.ts"
import { actor } from "./why.ts"

interface Group {
  readonly params: { readonly group: string }
}

export const make: Effect.Effect<Handlers, never, ConsumerGroups> = Effect.gen(function* () {
  const groups = yield* ConsumerGroups

  const answered = <A>(effect: Effect.Effect<A, OperationProblem.OperationError>) =>
    Effect.catch(effect, OperationProblem.of)

  const acting =
    <Payload>(
      act: (
        group: string,
        payload: Payload & { readonly actor?: string }
      ) => Effect.Effect<void, OperationProblem.OperationError>
    ) =>
    ({ params: { group }, payload }: Group & { readonly payload: Payload }) =>
      answered(
        Effect.flatMap(actor, (by) =>
          Effect.andThen(act(group, { ...payload, ...by }), groups.status(group))
        )
      )

  return {
    statuses: () =>
      answered(Effect.flatMap(groups.names, (names) => Effect.forEach(names, groups.status))),
    status: ({ params }: Group) => answered(groups.status(params.group)),
    acts: ({ params }: Group) => answered(groups.acts(params.group)),
    release: acting((group, payload: { readonly key?: string; readonly reason?: string }) =>
      groups.release(group, payload)
    ),
    drop: acting((group, payload: { readonly key: string; readonly reason: string }) =>
      groups.drop(group, payload)
    ),
    restart: acting(
      (
        group,
        payload: { readonly from: "beginning" | "now" | Position; readonly reason: string }
      ) => groups.restart(group, payload)
    ),
    forget: ({
      params: { group },
      payload
    }: Group & { readonly payload: { readonly reason: string } }) =>
      answered(
        Effect.flatMap(actor, (by) =>
          Effect.andThen(groups.forget(group, { ...payload, ...by }), groups.acts(group))
        )
      )
  }
})
