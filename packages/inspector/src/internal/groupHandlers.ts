/**
 * The handlers of consumer groups: the acts on keys that an event holds.
 */
import { CurrentCaller } from "@daybook/http/Authenticator"
import * as OperationProblem from "@daybook/http/OperationProblem"
import { UnknownGroup } from "@daybook/reactors/ConsumerGroup"
import type { ConsumerGroups } from "@daybook/reactors/ConsumerGroups"
import type { GroupStatus } from "@daybook/reactors/GroupStatus"
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import { grants } from "./rights.ts"

interface OfGroup {
  readonly params: { readonly group: string }
}

interface Why {
  readonly reason?: string
}

/** A host may have no groups: then none is known. */
export const make = (groups: Option.Option<ConsumerGroups["Service"]>) => {
  const knowing = (group: string) =>
    Effect.mapError(Effect.fromOption(groups), () => new UnknownGroup({ group }))

  /** Acts as the caller, and answers with the status afterwards. */
  const acting =
    <Payload>(
      act: (
        known: ConsumerGroups["Service"],
        group: string,
        options: Payload & { readonly actor?: string }
      ) => Effect.Effect<void, OperationProblem.OperationError>
    ) =>
    ({ params: { group }, payload }: OfGroup & { readonly payload: Payload }) =>
      Effect.gen(function* () {
        const known = yield* knowing(group)
        const caller = yield* CurrentCaller
        const by = caller === undefined ? {} : { actor: caller.actor }
        yield* act(known, group, { ...payload, ...by })
        const status = yield* known.status(group)
        return grants(caller, "log") ? status : withoutIssues(status)
      }).pipe(Effect.catch(OperationProblem.of))

  return {
    reactorActs: ({ params: { group } }: OfGroup) =>
      knowing(group).pipe(
        Effect.flatMap(({ acts }) => acts(group)),
        Effect.catch(OperationProblem.of)
      ),
    release: acting<Why & { readonly key?: string }>((known, group, options) =>
      known.release(group, options)
    ),
    dropEvent: acting<{ readonly key: string; readonly reason: string }>((known, group, options) =>
      known.drop(group, options)
    )
  }
}

/** The issue of an event may quote its values. */
export const withoutIssues = (status: GroupStatus): GroupStatus => ({
  ...status,
  held: status.held.map((one) => ({ ...one, issue: "" }))
})
