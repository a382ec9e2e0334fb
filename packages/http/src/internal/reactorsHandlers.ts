/**
 * The handlers of the administration of consumer groups.
 */
import type { Position } from "@daybook/kernel/Position"
import type {
  ConsumerGroupsError,
  GroupOffHistory,
  GroupRuns,
  KeyNotHeld,
  UnknownGroup
} from "@daybook/reactors/ConsumerGroup"
import { ConsumerGroups } from "@daybook/reactors/ConsumerGroups"
import type { EventStoreError } from "@daybook/store/EventStore"
import * as Effect from "effect/Effect"
import { NotPossible, type Unavailable, unavailable, Unknown } from "../Problem.ts"
import type { Handlers } from "./implement.ts"
import { actor } from "./why.ts"

interface Group {
  readonly params: { readonly group: string }
}

type GroupError =
  | UnknownGroup
  | KeyNotHeld
  | GroupOffHistory
  | GroupRuns
  | ConsumerGroupsError
  | EventStoreError

export const make: Effect.Effect<Handlers, never, ConsumerGroups> = Effect.gen(function* () {
  const groups = yield* ConsumerGroups

  const answered = <A>(effect: Effect.Effect<A, GroupError>) => Effect.catch(effect, problemOf)

  const acting =
    <Payload>(
      act: (
        group: string,
        payload: Payload & { readonly actor?: string }
      ) => Effect.Effect<void, GroupError>
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

const problemOf = (
  error: GroupError
): Effect.Effect<never, Unknown | NotPossible | Unavailable> => {
  switch (error._tag) {
    case "UnknownGroup":
      return Effect.fail(new Unknown({ detail: error.message }))
    case "KeyNotHeld":
    case "GroupOffHistory":
    case "GroupRuns":
      return Effect.fail(new NotPossible({ detail: error.message }))
    case "ConsumerGroupsError":
    case "EventStoreError":
      return unavailable(error)
  }
}
