/**
 * The handlers of operation: what keeps up with the log, and the acts on it.
 */
import { CurrentCaller } from "@daybook/http/Authenticator"
import * as OperationProblem from "@daybook/http/OperationProblem"
import type * as Position from "@daybook/kernel/Position"
import type { Projections } from "@daybook/projections/Projections"
import { position, type Status } from "@daybook/projections/ProjectionStatus"
import type { ConsumerGroups } from "@daybook/reactors/ConsumerGroups"
import type { EventStore } from "@daybook/store/EventStore"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Struct from "effect/Struct"
import type { Operation, Rebuild } from "../OperationAnswer.ts"
import * as Groups from "./groupHandlers.ts"
import { groupStatuses, type LagSamples } from "./lagSamples.ts"
import type { Rebuilds } from "./rebuilds.ts"
import { grants, shown } from "./rights.ts"

interface OfModel {
  readonly params: { readonly model: string }
}

interface Why {
  readonly reason?: string
}

export const make = ({
  groups,
  projections,
  rebuilds,
  samples,
  store
}: {
  readonly store: EventStore["Service"]
  readonly projections: Projections["Service"]
  readonly samples: Effect.Effect<LagSamples, never, Scope.Scope>
  readonly rebuilds: Rebuilds
  /** The consumer groups of the log, on a host that has them. */
  readonly groups: Option.Option<ConsumerGroups["Service"]>
}) => {
  const by = Effect.map(CurrentCaller, (caller) =>
    caller === undefined ? {} : { actor: caller.actor }
  )

  /** Acts as the caller, and answers with the status afterwards. */
  const acting =
    <Payload>(
      act: (
        model: string,
        payload: Payload,
        by: { readonly actor?: string }
      ) => Effect.Effect<void, OperationProblem.OperationError>
    ) =>
    ({ params: { model }, payload }: OfModel & { readonly payload: Payload }) =>
      Effect.gen(function* () {
        yield* act(model, payload, yield* by)
        const status = yield* projections.status(model)
        return grants(yield* CurrentCaller, "log") ? status : withoutIssues(status)
      }).pipe(Effect.catch(OperationProblem.of))

  const modelOf = Effect.fnUntraced(function* (status: Status, lags: LagSamples) {
    const generations = yield* projections.generations(status.name)
    const acts = status.state === "paused" ? yield* projections.acts(status.name) : []
    const lastAct = acts.at(-1)
    return {
      status,
      generations: generations
        .filter(({ role }) => role !== "serving")
        .map((one) => ({
          generation: one.generation,
          version: one.version,
          role: one.role,
          position: position(one),
          events: one.events
        })),
      samples: lags.ofModel(status.name),
      ...(lastAct === undefined ? {} : { lastAct })
    }
  })

  return {
    status: Effect.fnUntraced(function* ({
      query: { show }
    }: {
      readonly query: { readonly show?: boolean }
    }) {
      const see = yield* shown(["log", "read"], show, { operation: "status" })
      const lags = yield* samples
      const head = yield* store.head
      const statuses = yield* projections.statuses
      const models = yield* Effect.forEach(statuses, (status) => modelOf(status, lags))
      const reactors = yield* groupStatuses(groups)
      const answer: Operation = {
        at: yield* DateTime.now,
        head,
        models: see.events
          ? models
          : models.map((model) => ({ ...model, status: withoutIssues(model.status) })),
        reactors: reactors.map((status) => ({
          status: see.events ? status : Groups.withoutIssues(status),
          samples: lags.ofGroup(status.name)
        })),
        rebuilds: rebuilds.list().map((one) => (see.rows ? one : withoutRows(one))),
        withheld: !see.events || !see.rows
      }
      return answer
    }, Effect.catch(OperationProblem.of)),
    acts: ({ params: { model } }: OfModel) =>
      Effect.catch(projections.acts(model), OperationProblem.of),
    pause: acting((model, why: Why, who) => projections.pause(model, { ...why, ...who })),
    resume: acting((model, why: Why, who) => projections.resume(model, { ...why, ...who })),
    skip: acting(
      (
        model,
        {
          position: at,
          reason
        }: {
          readonly position: Position.Position
          readonly reason: string
        },
        who
      ) => projections.skip(model, at, reason, who)
    ),
    drop: acting((model, { generation, ...why }: Why & { readonly generation: number }, who) =>
      projections.drop(model, generation, { ...why, ...who })
    ),
    rebuild: ({
      params: { model },
      payload
    }: OfModel & { readonly payload: Why & { readonly accept?: boolean } }) =>
      Effect.flatMap(by, (who) => rebuilds.begin(model, { ...payload, ...who })).pipe(
        Effect.catch(OperationProblem.of)
      )
  }
}

/** The issue of an event and the message of an error may quote values. */
const withoutIssues = (status: Status): Status => {
  const poison = Option.map(status.poison, (one) => ({ ...one, issue: "" }))
  const lastError = Option.map(status.lastError, (one) => ({ ...one, message: "" }))
  return {
    ...status,
    poison,
    lastError,
    building: Option.map(status.building, (building) => ({
      ...building,
      poison: Option.map(building.poison, (one) => ({ ...one, issue: "" })),
      lastError: Option.map(building.lastError, (one) => ({ ...one, message: "" }))
    }))
  }
}

const withoutRows = (rebuild: Rebuild): Rebuild => Struct.omit(rebuild, ["differences", "failure"])
