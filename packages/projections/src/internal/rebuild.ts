/**
 * Building a read model anew on request, and telling how far it is.
 */
import type { EventStoreError } from "@daybook/store/EventStore"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Status from "../ProjectionStatus.ts"
import type { Why } from "../ReadModelAct.ts"
import type {
  ClaimLost,
  DefinitionChanged,
  InvalidWhy,
  ReadModelStoreError,
  RowsDiffer,
  Superseded
} from "../ReadModelError.ts"
import type { Claim, GenerationState } from "../ReadModelGeneration.ts"
import type { Stopped } from "./advance.ts"
import { build } from "./buildShadow.ts"
import { checkedWhy } from "./checkedWhy.ts"
import type { AnyModel } from "./rowFold.ts"
import { categoriesOf, type Runner, stateOf } from "./runner.ts"

type BuildError = RowsDiffer | Stopped | ClaimLost | EventStoreError | ReadModelStoreError

type RebuildError =
  | Status.UnknownProjection
  | RowsDiffer
  | DefinitionChanged
  | Superseded
  | Status.ProjectionStopped
  | Status.RebuildLost
  | InvalidWhy
  | EventStoreError
  | ReadModelStoreError

/** `find`: the model of a name that was given to the runner. */
export const rebuild = Effect.fnUntraced(function* (
  runner: Runner,
  find: (name: string) => Effect.Effect<AnyModel, Status.UnknownProjection>
) {
  // That of the runner: a rebuild goes on though nobody looks.
  const scope = yield* Scope.Scope
  let begun = 0
  return (
    name: string,
    {
      accept,
      partitions,
      ...why
    }: Why & {
      readonly partitions?: number
      readonly accept?: boolean
    } = {}
  ): Stream.Stream<Status.Progress, RebuildError> =>
    Stream.unwrap(
      Effect.gen(function* () {
        const model = yield* find(name)
        // Another than that of the fiber which ends what nobody is building.
        const owner = `${runner.owner} rebuild ${++begun}`
        const { claim, shadow } = yield* runner.store.beginShadow(model.table, {
          partitions: partitions ?? runner.partitions,
          owner,
          lease: runner.lease,
          accept,
          why: yield* checkedWhy(model.table.name, why)
        })
        const building = Option.isSome(claim)
          ? Option.some(yield* Effect.forkIn(buildAgain(runner, model, claim.value, owner), scope))
          : Option.none()
        if (Option.isSome(building)) building.value.addObserver(runner.changes.tellUnsafe)
        return progress(runner, model, shadow, building)
      }).pipe(
        Effect.withSpan("Projections.rebuild", { attributes: { "daybook.projection": name } })
      )
    )
})

/**
 * A store that fails now and then, or a switch that somebody's long query was in the way of, is tried again: some seconds in
 * all, then the caller is told. Whoever has time goes on with the shadow even so.
 */
const buildAgain = Effect.fnUntraced(function* (
  runner: Runner,
  model: AnyModel,
  claim: Claim,
  owner: string
): Effect.fn.Return<GenerationState, BuildError> {
  let held = claim
  return yield* Effect.suspend(() => build(runner, model, held)).pipe(
    Effect.tapError((error) =>
      isStoreError(error)
        ? Effect.flatMap(runner.store.claim(held, owner, runner.lease), (again) =>
            Effect.sync(() => {
              if (Option.isSome(again)) held = again.value
            })
          )
        : Effect.void
    ),
    Effect.retry({ schedule: FEW_TIMES, while: isStoreError })
  )
})

const isStoreError = (error: BuildError): boolean =>
  error._tag === "ReadModelStoreError" || error._tag === "EventStoreError"

const FEW_TIMES = Schedule.max([Schedule.exponential("100 millis"), Schedule.recurs(6)])

/** What was told last, and what the rest is estimated from. */
interface Told {
  readonly events: number
  readonly began: { readonly millis: number; readonly fraction: number } | undefined
}

const progress = (
  runner: Runner,
  model: AnyModel,
  { generation }: GenerationState,
  building: Option.Option<Fiber.Fiber<GenerationState, BuildError>>
): Stream.Stream<Status.Progress, RebuildError> => {
  const first: Told = { events: -1, began: undefined }
  return Stream.paginate(first, (told) =>
    Effect.map(
      runner.changes.until(look(runner, model, generation, building, told), runner.pollInterval),
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
  told: Told
) {
  const { name } = model.table
  const exit = Option.isSome(building) ? building.value.pollUnsafe() : undefined
  if (exit !== undefined && Exit.isFailure(exit)) yield* failed(name, exit)
  const isBuilt = Option.isSome(building) && exit === undefined
  const state = yield* stateOf(runner, name, generation)
  if (state === undefined || (state.role === "retired" && !isBuilt)) {
    return yield* new Status.RebuildLost({ name, generation })
  }
  // Whoever builds it has stopped there.
  if (Option.isSome(state.poison) && !isBuilt) {
    return yield* new Status.ProjectionStopped({ name, poison: state.poison.value })
  }
  const { events, eventsPerSecond, role } = state
  const switched = role === "serving"
  if (!switched && events === told.events) return undefined
  const position = Status.position(state)
  const { head } = yield* runner.events
    .backlog({ after: position, categories: categoriesOf(model) })
    .pipe(Effect.catchTag("InvalidReadOption", Effect.die))
  const millis = yield* Clock.currentTimeMillis
  const fraction = switched || head === 0n ? 1 : Math.min(1, Number(position) / Number(head))
  const began = told.began ?? { millis, fraction }
  const done = fraction - began.fraction
  const millisLeft =
    done > 0 ? Option.some(((millis - began.millis) / done) * (1 - fraction)) : Option.none()
  const progress: Status.Progress = {
    name,
    generation,
    position,
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

const failed = Effect.fnUntraced(function* (
  name: GenerationState["name"],
  exit: Exit.Failure<GenerationState, BuildError>
) {
  const exited: Exit.Exit<GenerationState, BuildError> = exit
  return yield* Effect.catchTags(exited, {
    Stopped: ({ poison }) => Effect.fail(new Status.ProjectionStopped({ name, poison })),
    // Another host has claimed it, and goes on.
    ClaimLost: () => Effect.void
  })
})
