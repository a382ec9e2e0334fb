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
import type * as Projection from "@daybook/kernel/Projection"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { differences } from "./internal/fold/rowDifferences.ts"
import type { Driver } from "./driver/ReadModelDriver.ts"
import { decider, find, servingOf, toCommand, views, waits } from "./driver/ReadModelLifecycle.ts"
import * as Operations from "./driver/ReadModelOperations.ts"
import * as Model from "./internal/memory/model.ts"
import { selectRows } from "./driver/RowSelection.ts"
import { readable, rowsOf, write } from "./internal/memory/tables.ts"
import { InlinePoison, InlineVersionMismatch } from "./ReadModelError.ts"
import { type InlineAppend, ReadModelStore } from "./ReadModelStore.ts"

/** The read models that the fiber has to itself. */
const Held = Context.Reference<ReadonlySet<Model.Model>>("@daybook/projections/Held", {
  defaultValue: () => new Set()
})

const driver: Effect.Effect<Driver> = Effect.sync(() => {
  const models = new Map<string, Model.Model>()
  /** Returns the read model of a name, which is made when it is first mentioned. */
  const modelOf = (name: Projection.Name): Model.Model => {
    const model = models.get(name) ?? Model.make(name)
    models.set(name, model)
    return model
  }
  /** Runs a change of a read model while no other fiber has it to itself. */
  const among = <A, E>(model: Model.Model, change: Effect.Effect<A, E>): Effect.Effect<A, E> =>
    Effect.flatMap(Held, (held) => (held.has(model) ? change : model.permits.withPermit(change)))
  const attempt = <A, E>(change: (millis: number) => Result.Result<A, E>): Effect.Effect<A, E> =>
    Effect.clockWith((clock) => Effect.fromResult(change(clock.currentTimeMillisUnsafe())))
  /** Does one thing or the other at once: whether another fiber has a read model to itself. */
  const unlessHeld = <A>(
    model: Model.Model,
    does: { readonly free: (at: number) => A; readonly held: (at: number) => A }
  ): Effect.Effect<A> => {
    const free = Effect.map(Clock.currentTimeMillis, does.free)
    return Effect.flatMap(Held, (held) =>
      held.has(model)
        ? free
        : Effect.flatMap(
            model.permits.withPermitsIfAvailable(1)(free),
            Option.match({
              onSome: Effect.succeed,
              onNone: () => Effect.map(Clock.currentTimeMillis, does.held)
            })
          )
    )
  }
  return {
    transition: (name, command, table) => {
      const model = modelOf(name)
      const change = attempt((at) => Model.transition(model, { ...command, at }, table))
      const patient = Effect.suspend(() => among(model, change))
      if (command._tag !== "Claim") return patient
      return Effect.flatMap(Held, (held) => {
        if (held.has(model)) return change
        return Effect.flatMap(model.permits.withPermitsIfAvailable(1)(change), (done) => {
          if (Option.isSome(done)) return Effect.succeed(done.value)
          if (waits(command, model.state)) return patient
          return attempt((at) =>
            Result.map(decider(name).decide({ ...command, at }, model.state), () => ({
              events: [],
              state: model.state,
              at
            }))
          )
        })
      })
    },
    exclusively: ({ claim, name }, use) => {
      const model = modelOf(name)
      const alone = Effect.suspend(() => {
        const undo = Model.undo(model, claim?.generation)
        return Effect.flatMap(Clock.currentTimeMillis, (at) =>
          use({ state: model.state, at, appendsSettled: Effect.void })
        ).pipe(
          Effect.onExit((exit) =>
            Effect.sync(() => {
              if (Exit.isFailure(exit)) undo()
            })
          )
        )
      })
      return Effect.flatMap(Held, (held) =>
        held.has(model)
          ? alone
          : model.permits.withPermits(Model.ALL_PERMITS)(
              Effect.provideService(alone, Held, new Set([...held, model]))
            )
      )
    },
    load: (table, claim, at) => {
      const model = modelOf(claim.name)
      return among(
        model,
        attempt(() => Model.load(model, table, toCommand(claim), at))
      )
    },
    advance: (table, claim, step) => {
      const model = modelOf(claim.name)
      return among(
        model,
        attempt((at) => Model.step(model, table, toCommand(claim), step, at))
      )
    },
    inline: <A, E>(options: InlineAppend<A, E>) => {
      // In one order, so that no two appends wait for each other.
      const touched = options.touches
        .map(({ table }) => modelOf(table.name))
        .toSorted((a, b) => (a.state.name < b.state.name ? -1 : 1))
      return touched.reduce<Effect.Effect<A, E | InlinePoison | InlineVersionMismatch>>(
        (append, model) => among(model, append),
        Effect.suspend(() => maintaining(options, modelOf))
      )
    },
    renew: (renewals) =>
      Effect.forEach(renewals, (renewal) => {
        const model = modelOf(renewal.claim.name)
        return unlessHeld(model, {
          free: (at) => Model.renew(model, renewal, at),
          held: (at) => Model.unrenewed(model, renewal, at)
        })
      }),
    mark: (markings) =>
      Effect.forEach(
        markings,
        (marking) => {
          const model = modelOf(marking.name)
          return unlessHeld(model, {
            free: (at) => Model.mark(model, marking, at),
            held: () => {}
          })
        },
        { discard: true }
      ),
    states: (...names) =>
      attempt((at) =>
        Result.succeed(
          Array.from(models.values(), ({ state }) => state)
            .filter((state) => names.length === 0 || names.includes(state.name))
            .toSorted((a, b) => (a.name < b.name ? -1 : 1))
            .flatMap((state) => views(state, at))
        )
      ),
    skipped: (name) =>
      Effect.sync(() =>
        modelOf(name).skipped.toSorted((a, b) =>
          a.position === b.position ? a.version - b.version : a.position < b.position ? -1 : 1
        )
      ),
    acts: (name) => Effect.sync(() => Array.from(modelOf(name).acts)),
    get: (table, key) =>
      Effect.suspend(() => {
        const { state, tables } = modelOf(table.name)
        const serving = servingOf(state)
        const rows = serving && tables.get(serving.number)
        if (serving === undefined || rows === undefined) return Effect.succeedNone
        return Effect.fromResult(
          Result.map(readable(serving, rows, table), () =>
            Option.fromUndefinedOr(rows.rows.get(table.keyText(key)))
          )
        )
      }),
    query: (table, query, number) =>
      Stream.suspend(() => {
        const { state, tables } = modelOf(table.name)
        const generation = number === undefined ? servingOf(state) : find(state, number)
        const rows = generation && tables.get(generation.number)
        if (generation === undefined || rows === undefined) return Stream.empty
        const checked = readable(generation, rows, table)
        return Result.isFailure(checked)
          ? Stream.fail(checked.failure)
          : Stream.fromIterable(selectRows(table, rows.rows.values(), query))
      }),
    differences: (table, { rebuilt, serving }) =>
      Effect.sync(() => {
        const { tables } = modelOf(table.name)
        const rows = (number: number) => tables.get(number)?.rows ?? new Map()
        const found = differences(table, rows(serving), rows(rebuilt))
        return { count: found.count, first: found.differences }
      })
  }
})

/** Appends, and folds in the same synchronous step as the append is recorded. */
const maintaining = <A, E>(
  { append, fold, log, touches }: InlineAppend<A, E>,
  modelOf: (name: Projection.Name) => Model.Model
): Effect.Effect<A, E | InlinePoison | InlineVersionMismatch> => {
  const maintained = touches.flatMap(({ keys, table }) => {
    const model = modelOf(table.name)
    const serving = servingOf(model.state)
    const rows = Model.servingTable(model)
    const isOfLog = log === undefined || (serving?.log ?? log) === log
    return serving?.mode === "inline" && rows !== undefined && isOfLog
      ? [{ table, keys, rows, version: serving.version }]
      : []
  })
  const other = maintained.find(({ table, version }) => version !== table.version)
  if (other !== undefined) {
    const { name, version } = other.table
    return Effect.fail(new InlineVersionMismatch({ name, version, kept: other.version }))
  }
  let poisoned: InlinePoison | undefined
  return append.pipe(
    Effect.provideService(EventStoreMemory.BeforeCommit, (recorded) => {
      const commits: Array<() => void> = []
      for (const { keys, rows, table } of maintained) {
        const folded = fold(table.name, recorded, rowsOf(table, rows, keys))
        if (Result.isFailure(folded)) {
          poisoned = new InlinePoison({ name: table.name, poison: folded.failure })
          return Result.fail(new EventStoreError({ operation: "append", cause: poisoned }))
        }
        commits.push(() => write(table, rows, folded.success))
      }
      return Result.succeed(() => {
        for (const commit of commits) commit()
      })
    }),
    Effect.catch((error) => Effect.fail(poisoned ?? error))
  )
}

/**
 * Makes a new empty store.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: Effect.Effect<ReadModelStore["Service"]> = Effect.map(driver, Operations.make)

/**
 * Provides a new empty store each time it is built.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<ReadModelStore> = Layer.effect(ReadModelStore, make)
