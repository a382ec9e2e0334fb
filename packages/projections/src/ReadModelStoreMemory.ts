/**
 * The read-model store in memory: the reference for the answers of every other store, and the store
 * for tests and experiments. Its contents end with the process.
 *
 * `inline` needs `EventStoreMemory`, because it takes part in the appends of that store.
 *
 * @since 0.1.0
 */
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import { EventStoreError } from "@daybook/store/EventStore"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import * as Acts from "./internal/memory/acts.ts"
import * as Changes from "./internal/memory/changes.ts"
import * as Generations from "./internal/memory/generations.ts"
import { selectRows } from "./internal/memory/query.ts"
import { partitionCount } from "./internal/fold/partition.ts"
import { differences } from "./internal/fold/rowDifferences.ts"
import { type ClaimLost, InlinePoison, OtherVersionKept, RowsDiffer } from "./ReadModelError.ts"
import { type Claim, type GenerationState, recordedPoison } from "./ReadModelGeneration.ts"
import { type InlineAppend, ReadModelStore } from "./ReadModelStore.ts"

type Switched = Result.Result<GenerationState, RowsDiffer>

/**
 * Makes a new empty store.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: Effect.Effect<ReadModelStore["Service"]> = Effect.sync(() => {
  const models: Generations.Models = new Map()
  // An operation of more than one synchronous step has the store to itself, except for the
  // operations under claims.
  const permits = Semaphore.makeUnsafe(MANY)
  const alone = Semaphore.withPermits(permits, MANY)
  const amongOthers = Semaphore.withPermits(permits, 1)
  const step = <A>(change: (millis: number) => A): Effect.Effect<A> =>
    Effect.map(Clock.currentTimeMillis, (millis) => change(millis))
  const attempt = <A, E>(change: (millis: number) => Result.Result<A, E>): Effect.Effect<A, E> =>
    Effect.flatMap(Clock.currentTimeMillis, (millis) =>
      Effect.suspend(() => Effect.fromResult(change(millis)))
    )
  /**
   * Waits while the generation is held still, then applies the change. The check and the change are
   * one synchronous step, so no other fiber can hold the generation in between.
   */
  const moving = <A, E>(
    of: Pick<Claim, "name" | "generation">,
    change: (millis: number) => Result.Result<A, E>
  ): Effect.Effect<A, E> =>
    Effect.clockWith((clock) => {
      const still = Generations.find(models, of.name, of.generation)?.still
      return still === undefined
        ? Effect.fromResult(change(clock.currentTimeMillisUnsafe()))
        : Effect.andThen(still.await, moving(of, change))
    })
  /** Runs the effect with the generation held still. */
  const still = <A, E>(generation: Generations.Generation, effect: Effect.Effect<A, E>) =>
    Effect.suspend(() => {
      const latch = Latch.makeUnsafe()
      generation.still = latch
      return Effect.ensuring(
        effect,
        Effect.sync(() => {
          generation.still = undefined
          latch.openUnsafe()
        })
      )
    })
  /** Runs the effect, and undoes its changes to the generation unless it succeeds. */
  const allOrNothing = <A, E>(generation: Generations.Generation, effect: Effect.Effect<A, E>) =>
    Effect.suspend(() => {
      const undo = Generations.undo(generation)
      return Effect.onExit(effect, (exit) =>
        Effect.sync(() => {
          if (Exit.isFailure(exit)) undo()
        })
      )
    })

  return ReadModelStore.of({
    open: (table, { log, partitions = 1 } = {}) =>
      Effect.flatMap(partitionCount(partitions), (count) =>
        amongOthers(attempt((millis) => Generations.open(models, table, count, log, millis)))
      ),
    beginShadow: (table, { accept = false, lease, log, owner, partitions, why }) =>
      Effect.flatMap(partitionCount(partitions), (count) =>
        amongOthers(
          attempt((millis) =>
            Result.map(Generations.beginShadow(models, table, count, log), (generation) => {
              const claim = Generations.claim(generation, owner, lease, millis)
              generation.accepted = accept
              const details = { generation: generation.number, accepted: accept }
              Acts.record(generation.model, "rebuild", why, details, millis)
              return { shadow: Generations.stateOf(generation, millis), claim }
            })
          )
        )
      ),
    claim: (of, owner, lease, despite) =>
      moving(of, (millis) => {
        const found = Generations.find(models, of.name, of.generation)
        return Result.succeed(
          found === undefined
            ? Option.none()
            : Generations.claim(found, owner, lease, millis, despite)
        )
      }),
    renew: (claim) =>
      attempt((millis) =>
        Result.map(Generations.held(models, claim), (generation) => {
          generation.leaseEnd = millis + Duration.toMillis(claim.lease)
        })
      ),
    release: (claim) =>
      moving(claim, () => {
        const held = Generations.held(models, claim)
        if (Result.isSuccess(held)) Generations.free(held.success)
        return Result.void
      }),
    step: (table, claim, taken) =>
      moving(claim, (millis) =>
        Result.flatMap(Generations.heldAt(models, claim, taken), (generation) =>
          Result.map(taken.fold(Generations.rowsOf(table, generation, taken.keys)), (changes) => {
            Generations.write(table, generation, changes)
            generation.checkpoints[taken.partition] = taken.to
            generation.anchors[taken.partition] = taken.event
            generation.leaseEnd = millis + Duration.toMillis(claim.lease)
            generation.events += taken.events
            generation.rates[taken.partition] = taken.eventsPerSecond
          })
        )
      ),
    restart: (claim, log) =>
      moving(claim, () =>
        Result.map(Generations.heldAs(models, claim, "shadow"), (generation) =>
          Changes.restart(generation, log)
        )
      ),
    mark: (of, compared, reached) =>
      amongOthers(
        step(() => {
          const found = Generations.find(models, of.name, of.generation)
          if (found !== undefined) Changes.mark(found, compared, reached)
        })
      ),
    stop: (claim, poison) =>
      moving(claim, () =>
        Result.map(Generations.held(models, claim), (generation) => {
          generation.poison = recordedPoison(poison)
          Generations.free(generation)
        })
      ),
    pause: (name, why) =>
      amongOthers(
        step((millis) => {
          Changes.pause(models, name)
          Acts.record(Generations.modelOf(models, name), "pause", why, {}, millis)
        })
      ),
    resume: (name, why) =>
      amongOthers(
        step((millis) => {
          Changes.resume(models, name)
          Acts.record(Generations.modelOf(models, name), "resume", why, {}, millis)
        })
      ),
    skip: (skipped, options) =>
      amongOthers(attempt((millis) => Changes.skip(models, skipped, options, millis))),
    acts: (name) => step(() => Array.from(models.get(name)?.acts ?? [])),
    skipped: (name) => step(() => Changes.skippedOf(models, name)),
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
      attempt(() =>
        Result.map(
          Generations.readable(Generations.servingOf(models, table.name), table),
          (serving) => Option.fromUndefinedOr(serving?.rows.get(table.keyText(key)))
        )
      ),
    query: (table, query, number) =>
      Stream.unwrap(
        attempt(() => {
          const asked =
            number === undefined
              ? Generations.servingOf(models, table.name)
              : Generations.find(models, table.name, number)
          return Result.map(Generations.readable(asked, table), (generation) =>
            Stream.fromIterable(selectRows(table, generation?.rows.values() ?? [], query))
          )
        })
      ),
    switchOver: (table, claim, { catchUp, compare }) =>
      alone(
        Effect.gen(function* () {
          const { name } = claim
          const shadow = yield* Effect.fromResult(Generations.heldAs(models, claim, "shadow"))
          const serving = Generations.servingOf(models, name)
          if (serving === undefined) return yield* Effect.die(new Error(`${name} serves nothing`))
          const millis = yield* Clock.currentTimeMillis
          let differing = 0
          const switched = Effect.andThen(
            // Evaluated only once the serving generation is held still.
            Effect.suspend(() => catchUp(Generations.stateOf(serving, millis))),
            Effect.suspend((): Effect.Effect<Switched, ClaimLost> => {
              const held = Generations.heldAs(models, claim, "shadow")
              if (Result.isFailure(held)) return Effect.fail(held.failure)
              const position = Generations.together(shadow)
              if (compare) {
                if (serving.mode === "async" && Generations.together(serving) !== position) {
                  return Effect.die(new Error(`${name} serves as of another position`))
                }
                const found = differences(table, serving.rows, shadow.rows)
                differing = found.count
                if (found.count > 0 && !shadow.accepted) {
                  Generations.retire(shadow)
                  const details = { generation: shadow.number, rows: found.count }
                  Acts.record(shadow.model, "differ", undefined, details, millis)
                  return Effect.succeed(Result.fail(new RowsDiffer({ name, position, ...found })))
                }
              }
              const details = { from: serving.number, to: shadow.number, version: shadow.version }
              Changes.switchOver(shadow, serving)
              Acts.record(
                shadow.model,
                "switch",
                undefined,
                differing > 0 ? { ...details, differing } : details,
                millis
              )
              return Effect.succeed(Result.succeed(Generations.stateOf(shadow, millis)))
            })
          )
          // A difference is an answer and no failure, so the catch-up that found it stays.
          return yield* Effect.flatMap(
            still(serving, allOrNothing(shadow, switched)),
            Effect.fromResult
          )
        })
      ),
    drop: (name, number, why) =>
      amongOthers(step((millis) => Changes.drop(models, name, number, why, millis))),
    inline: <A, E>({ append, fold, log, touches }: InlineAppend<A, E>) =>
      amongOthers(
        Effect.suspend((): Effect.Effect<A, E | InlinePoison | OtherVersionKept> => {
          let poisoned: InlinePoison | undefined
          const kept = touches.flatMap(({ keys, table }) => {
            const serving = Generations.servingOf(models, table.name)
            const isOfLog = log === undefined || (serving?.log ?? log) === log
            return serving?.mode === "inline" && isOfLog ? [{ table, keys, serving }] : []
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
                commits.push(() => Generations.write(table, serving, folded.success))
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
        Effect.gen(function* () {
          const heldStill = attempt(() => Generations.heldAs(models, claim, "serving"))
          const serving = yield* heldStill
          yield* allOrNothing(serving, Effect.andThen(catchUp, heldStill))
          serving.mode = "inline"
          Generations.free(serving)
        })
      ),
    demote: (name, settled) =>
      alone(
        Effect.suspend(() => {
          const serving = Generations.servingOf(models, name)
          if (serving?.mode !== "inline") return Effect.void
          return Effect.map(settled, ({ event, position }) => {
            serving.mode = "async"
            serving.checkpoints = [position]
            serving.anchors = [event]
          })
        })
      )
  })
})

/**
 * Provides a new empty store each time it is built.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<ReadModelStore> = Layer.effect(ReadModelStore, make)

/** More permits than there are callers at a time. */
const MANY = 1_000_000
