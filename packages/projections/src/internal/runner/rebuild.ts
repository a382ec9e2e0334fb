/**
 * Rebuilds a read model on request, and reports the progress.
 */
import type { Position } from "@daybook/kernel/Position"
import { EventStoreError } from "@daybook/store/EventStore"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Status from "../../ProjectionStatus.ts"
import type { Why } from "../../ReadModelAct.ts"
import {
  type ClaimLost,
  type DefinitionChanged,
  type InvalidWhy,
  ReadModelStoreError,
  type RowsDiffer,
  type Superseded
} from "../../ReadModelError.ts"
import type { Claim, GenerationState } from "../../driver/ReadModelGeneration.ts"
import type { Stopped } from "./advance.ts"
import { build, type ServingStopped } from "./buildShadow.ts"
import { checkedWhy } from "./checkedWhy.ts"
import type { AnyModel } from "../fold/rowFold.ts"
import type { Runner } from "./runner.ts"

type BuildError =
  | RowsDiffer
  | Stopped
  | ServingStopped
  | ClaimLost
  | EventStoreError
  | ReadModelStoreError

interface Options extends Why {
  readonly parallelism?: number
  readonly upTo?: Position
  readonly accept?: boolean
}

export type RebuildError =
  | Status.UnknownProjection
  | RowsDiffer
  | DefinitionChanged
  | Superseded
  | Status.ProjectionStopped
  | Status.RebuildLost
  | InvalidWhy
  | EventStoreError
  | ReadModelStoreError

/** Makes the `rebuild` of a runner. `find` returns the model of a name that the runner has. */
export const rebuild = Effect.fnUntraced(function* (
  runner: Runner,
  find: (name: string) => Effect.Effect<AnyModel, Status.UnknownProjection>
) {
  // The scope of the runner: a rebuild goes on when its stream is abandoned.
  const scope = yield* Scope.Scope
  let begun = 0
  return (
    name: string,
    { accept, parallelism, upTo, ...why }: Options = {}
  ): Stream.Stream<Status.Progress, RebuildError> =>
    Stream.unwrap(
      Effect.gen(function* () {
        const model = yield* find(name)
        // Differs from the owner of the fiber that ends abandoned builds.
        const owner = `${runner.owner} rebuild ${++begun}`
        const { claim, shadow } = yield* runner.store.beginShadow(model.table, {
          parallelism: parallelism ?? runner.parallelism,
          owner,
          lease: runner.lease,
          log: yield* runner.events.identity,
          accept,
          why: yield* checkedWhy(model.table.name, why)
        })
        const building = Option.isSome(claim)
          ? Option.some(
              yield* Effect.forkIn(
                alone(runner, model, buildAgain(runner, model, claim.value, owner, upTo)),
                scope
              )
            )
          : Option.none()
        if (Option.isSome(building)) {
          building.value.addObserver(() => runner.changes.notifyUnsafe(model.table.name, "state"))
        }
        return progress(runner, model, shadow, building, upTo)
      }).pipe(
        Effect.withSpan("Projections.rebuild", { attributes: { "daybook.projection": name } })
      )
    )
})

/** Keeps this host's building loop from the shadow, also while the rebuild pauses. */
const alone = <A, E>(
  { rebuilding }: Runner,
  { table }: AnyModel,
  building: Effect.Effect<A, E>
): Effect.Effect<A, E> =>
  Effect.acquireUseRelease(
    Effect.sync(() => rebuilding.add(table.name)),
    () => building,
    () => Effect.sync(() => rebuilding.delete(table.name))
  )

/**
 * Builds, and retries after a failure of the store or a switch that a long query blocked: for
 * {@link PATIENCE} after the first failure, then the caller gets the error. The building loop of a
 * host goes on with the shadow even so.
 */
const buildAgain = Effect.fnUntraced(function* (
  runner: Runner,
  model: AnyModel,
  claim: Claim,
  owner: string,
  upTo: Position | undefined
): Effect.fn.Return<GenerationState, BuildError> {
  const { name } = model.table
  let held = claim
  return yield* Effect.suspend(() => build(runner, model, held, upTo)).pipe(
    Effect.tapError((error) =>
      isStoreError(error)
        ? Effect.andThen(
            runner.errors.failed(name, "rebuilding", Cause.fail(error)),
            Effect.flatMap(runner.store.claim(held, owner, runner.lease), (again) =>
              Effect.sync(() => {
                if (Option.isSome(again)) held = again.value
              })
            )
          )
        : Effect.void
    ),
    Effect.retry({ schedule: FEW_TIMES, while: isStoreError }),
    Effect.tap(() => runner.errors.wentOn(name, "rebuilding")),
    // The caller gets the error, so it is not recorded as the loop's.
    Effect.ensuring(Effect.sync(() => runner.errors.endedUnsafe(name, "rebuilding")))
  )
})

const isStoreError = (error: BuildError): boolean =>
  error._tag === "ReadModelStoreError" || error._tag === "EventStoreError"

/** The time after the first failure in which the last attempt begins. */
const PATIENCE = Duration.seconds(6)

const FEW_TIMES = Schedule.max([
  Schedule.exponential("100 millis"),
  Schedule.recurs(6),
  Schedule.during(PATIENCE)
])

/** The last reported progress, and the base of the estimate. */
interface Told {
  readonly events: number
  readonly began: { readonly millis: number; readonly fraction: number } | undefined
}

const progress = (
  runner: Runner,
  model: AnyModel,
  { generation }: GenerationState,
  building: Option.Option<Fiber.Fiber<GenerationState, BuildError>>,
  upTo: Position | undefined
): Stream.Stream<Status.Progress, RebuildError> => {
  const first: Told = { events: -1, began: undefined }
  return Stream.paginate(first, (told) =>
    Effect.map(
      runner.changes.until(
        model.table.name,
        "step",
        look(runner, model, generation, building, told, upTo)
      ),
      ([next, progress]) =>
        [[progress], progress.switched ? Option.none() : Option.some(next)] as const
    )
  )
}

const look = Effect.fnUntraced(function* (
  runner: Runner,
  model: AnyModel,
  generation: number,
  building: Option.Option<Fiber.Fiber<GenerationState, BuildError>>,
  told: Told,
  upTo: Position | undefined
) {
  const { name } = model.table
  const states = yield* runner.store.states(name)
  // Polled after the states: once the build has released the shadow, another host may switch to it.
  const exit = Option.isSome(building) ? building.value.pollUnsafe() : undefined
  if (exit !== undefined && Exit.isFailure(exit)) yield* failed(name, exit)
  const isBuilt = Option.isSome(building) && exit === undefined
  const state = states.find((one) => one.generation === generation)
  if (state === undefined || (state.role === "retired" && !isBuilt)) {
    return yield* new Status.RebuildLost({ name, generation })
  }
  // Another host that builds it has stopped there.
  if (Option.isSome(state.poison) && !isBuilt) {
    return yield* new Status.ProjectionStopped({ name, poison: state.poison.value })
  }
  const now = yield* Clock.currentTimeMillis
  // This host's building loop has the shadow, and fails as well.
  const error = isBuilt || state.role !== "shadow" ? undefined : lasting(runner, model, now)
  if (error !== undefined) return yield* error
  const { events, eventsPerSecond, role } = state
  const switched = role === "serving"
  // The local build is about to end, and its exit has the outcome.
  if (switched ? isBuilt : events === told.events) return undefined
  const position = Status.position(state)
  // Unlike `head` and `backlog`, it does not wait for open appends.
  const { position: head } = yield* runner.events.checkpoint
  const target = switched ? position : targetOf(states, state, head, upTo)
  const fraction = switched || target === 0n ? 1 : Math.min(1, Number(position) / Number(target))
  const began = told.began ?? { millis: now, fraction }
  const done = fraction - began.fraction
  const millisLeft =
    done > 0 ? Option.some(((now - began.millis) / done) * (1 - fraction)) : Option.none()
  const progress: Status.Progress = {
    name,
    generation,
    position,
    target,
    head,
    events,
    eventsPerSecond,
    fraction,
    millisLeft,
    switched
  }
  const next: Told = { events, began }
  return [next, progress] as const
})

/** Returns the error of the store that has kept this host's building loop for too long. */
const lasting = ({ errors }: Runner, { table }: AnyModel, now: number) => {
  const error = errors.lasting(table.name, "building", now - Duration.toMillis(PATIENCE))
  return error instanceof ReadModelStoreError || error instanceof EventStoreError
    ? error
    : undefined
}

/** Returns the present end of the build: the position of the compared rows, or the head. */
const targetOf = (
  states: ReadonlyArray<GenerationState>,
  { version }: GenerationState,
  head: Position,
  upTo: Position | undefined
): Position => {
  const serving = states.find(({ role }) => role === "serving")
  const isCompared = serving?.version === version && serving.mode === "async"
  const end = isCompared ? Status.position(serving) : head
  return upTo !== undefined && upTo > end ? upTo : end
}

const failed = Effect.fnUntraced(function* (
  name: GenerationState["name"],
  exit: Exit.Failure<GenerationState, BuildError>
) {
  const exited: Exit.Exit<GenerationState, BuildError> = exit
  return yield* Effect.catchTags(exited, {
    Stopped: ({ poison }) => Effect.fail(new Status.ProjectionStopped({ name, poison })),
    ServingStopped: ({ poison }) => Effect.fail(new Status.ProjectionStopped({ name, poison })),
    // Another host has claimed the shadow, and goes on.
    ClaimLost: () => Effect.void
  })
})
