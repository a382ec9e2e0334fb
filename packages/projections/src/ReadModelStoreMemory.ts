/**
 * The read-model store in memory: the reference that says what every other store answers, and the store for tests and for
 * trying things out. What it holds is gone with its process.
 *
 * `inline` needs `EventStoreMemory`, whose appends it takes part in.
 *
 * @since 0.1.0
 */
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import { EventStoreError } from "@daybook/store/EventStore"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import * as Generations from "./internal/memoryGenerations.ts"
import { selectRows } from "./internal/memoryQuery.ts"
import { differences } from "./internal/rowDifferences.ts"
import {
  type ClaimLost,
  type GenerationState,
  type InlineAppend,
  InlinePoison,
  OtherVersionKept,
  ReadModelStore,
  RowsDiffer
} from "./ReadModelStore.ts"

/**
 * An empty store of its own.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: Effect.Effect<ReadModelStore["Service"]> = Effect.sync(() => {
  const models: Generations.Models = new Map()
  // Who takes part in appends waits here while a read model is handed over; whatever else is done is one synchronous step.
  const appending = Semaphore.makeUnsafe(MANY)
  const alone = Semaphore.withPermits(appending, MANY)
  const step = <A>(change: (millis: number) => A): Effect.Effect<A> =>
    Effect.map(Clock.currentTimeMillis, (millis) => change(millis))
  const attempt = <A, E>(change: (millis: number) => Result.Result<A, E>): Effect.Effect<A, E> =>
    Effect.flatMap(Clock.currentTimeMillis, (millis) =>
      Effect.suspend(() => Effect.fromResult(change(millis)))
    )

  return ReadModelStore.of({
    open: (table, options = {}) =>
      attempt((millis) => Generations.open(models, table, options.partitions ?? 1, millis)),
    beginShadow: (table, { lease, owner, partitions }) =>
      attempt((millis) =>
        Result.map(Generations.beginShadow(models, table, partitions), (generation) => {
          const claim = Generations.claim(generation, owner, lease, millis)
          return { shadow: Generations.stateOf(generation, millis), claim }
        })
      ),
    claim: ({ generation, name }, owner, lease) =>
      step((millis) => {
        const found = Generations.find(models, name, generation)
        return found === undefined ? Option.none() : Generations.claim(found, owner, lease, millis)
      }),
    renew: (claim) =>
      attempt((millis) =>
        Result.map(Generations.held(models, claim), (generation) => {
          generation.leaseEnd = millis + Duration.toMillis(claim.lease)
        })
      ),
    release: (claim) =>
      step(() => {
        const held = Generations.held(models, claim)
        if (Result.isSuccess(held)) Generations.free(held.success)
      }),
    step: (table, claim, taken) =>
      attempt((millis) =>
        Result.flatMap(Generations.heldAt(models, claim, taken), (generation) =>
          Result.map(taken.fold(Generations.rowsOf(table, generation, taken.keys)), (changes) => {
            Generations.write(table, generation, changes)
            generation.checkpoints[taken.partition] = taken.to
            generation.leaseEnd = millis + Duration.toMillis(claim.lease)
            generation.events += taken.events
            generation.eventsPerSecond = taken.eventsPerSecond
          })
        )
      ),
    stop: (claim, poison) =>
      attempt(() =>
        Result.map(Generations.held(models, claim), (generation) => {
          generation.poison = poison
          Generations.free(generation)
        })
      ),
    pause: (name) =>
      step(() => {
        const model = models.get(name)
        if (model !== undefined) model.paused = true
      }),
    resume: (name) =>
      step(() => {
        const model = models.get(name)
        if (model === undefined) return
        model.paused = false
        for (const generation of model.generations) generation.poison = undefined
      }),
    skip: (skipped) => attempt((millis) => Generations.skip(models, skipped, millis)),
    skipped: (name) =>
      step(() =>
        (models.get(name)?.skipped ?? []).toSorted((a, b) => (a.position < b.position ? -1 : 1))
      ),
    states: (name) =>
      step((millis) =>
        Array.from(models.values())
          .filter((model) => name === undefined || model.name === name)
          .toSorted((a, b) => (a.name < b.name ? -1 : 1))
          .flatMap(({ generations }) =>
            generations.map((generation) => Generations.stateOf(generation, millis))
          )
      ),
    get: (table, key) =>
      step(() =>
        Option.fromUndefinedOr(
          Generations.servingOf(models, table.name)?.rows.get(table.keyText(key))
        )
      ),
    query: (table, query, number) =>
      Stream.unwrap(
        step(() => {
          const generation =
            number === undefined
              ? Generations.servingOf(models, table.name)
              : Generations.find(models, table.name, number)
          return Stream.fromIterable(selectRows(table, generation?.rows.values() ?? [], query))
        })
      ),
    switchOver: (table, claim, { catchUp, compare }) =>
      alone(
        Effect.gen(function* () {
          const { name } = claim
          const shadow = yield* Effect.fromResult(Generations.held(models, claim))
          const serving = Generations.servingOf(models, name)
          if (serving === undefined) return yield* Generations.lost(claim)
          const millis = yield* Clock.currentTimeMillis
          const compared = Effect.suspend(
            (): Effect.Effect<GenerationState, ClaimLost | RowsDiffer> => {
              const still = Generations.held(models, claim)
              if (Result.isFailure(still)) return Effect.fail(still.failure)
              if (compare) {
                const found = differences(table, serving.rows, shadow.rows)
                if (found.count > 0) {
                  Generations.retire(shadow)
                  const position = Generations.lowest(shadow)
                  return Effect.fail(new RowsDiffer({ name, position, ...found }))
                }
              }
              Generations.switchOver(shadow, serving)
              return Effect.succeed(Generations.stateOf(shadow, millis))
            }
          )
          const hold = (still: boolean) =>
            Effect.sync(() => {
              serving.still = still
            })
          // Nobody else steps it until they are compared, and its holder starts anew.
          return yield* Effect.acquireUseRelease(
            hold(true),
            () =>
              Effect.andThen(
                Effect.suspend(() => catchUp(Generations.stateOf(serving, millis))),
                compared
              ),
            () => hold(false)
          )
        })
      ),
    drop: (name, number) => Effect.sync(() => Generations.drop(models, name, number)),
    inline: <A, E>({ append, fold, touches }: InlineAppend<A, E>) =>
      Semaphore.withPermits(
        appending,
        1
      )(
        Effect.suspend((): Effect.Effect<A, E | InlinePoison | OtherVersionKept> => {
          let poisoned: InlinePoison | undefined
          const kept = touches.flatMap(({ keys, table }) => {
            const serving = Generations.servingOf(models, table.name)
            return serving?.mode === "inline" ? [{ table, keys, serving }] : []
          })
          const other = kept.find(({ serving, table }) => serving.version !== table.version)
          if (other !== undefined) {
            const { serving, table } = other
            const { name, version } = table
            return Effect.fail(new OtherVersionKept({ name, version, kept: serving.version }))
          }
          return append.pipe(
            Effect.provideService(EventStoreMemory.BeforeCommit, (recorded) => {
              const commits: Array<() => void> = []
              for (const { keys, serving, table } of kept) {
                const folded = fold(table.name, recorded, Generations.rowsOf(table, serving, keys))
                if (Result.isFailure(folded)) {
                  poisoned = new InlinePoison({ name: table.name, poison: folded.failure })
                  return Result.fail(new EventStoreError({ operation: "append", cause: poisoned }))
                }
                commits.push(() => {
                  Generations.write(table, serving, folded.success)
                  serving.events += recorded.length
                })
              }
              return Result.succeed(() => {
                for (const commit of commits) commit()
              })
            }),
            Effect.catch((error) => Effect.fail(poisoned ?? error))
          )
        })
      ),
    promote: (claim, catchUp) =>
      alone(
        Effect.andThen(
          catchUp,
          attempt(() =>
            Result.flatMap(Generations.held(models, claim), (generation) => {
              if (generation.role !== "serving") return Result.fail(Generations.lost(claim))
              generation.mode = "inline"
              Generations.free(generation)
              return Result.void
            })
          )
        )
      ),
    demote: (name, settled) =>
      alone(
        Effect.map(settled, (position) => {
          const serving = Generations.servingOf(models, name)
          if (serving?.mode !== "inline") return
          serving.mode = "async"
          serving.checkpoints = [position]
        })
      )
  })
})

/**
 * Each store that this layer builds is empty.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<ReadModelStore> = Layer.effect(ReadModelStore, make)

/** More appends than there are at a time. */
const MANY = 1_000_000
