/**
 * Runs a domain on hosts that die, over ways that lose things, and looks for a history in which something goes wrong.
 *
 * Several senders execute generated commands on a few instances, through hosts that each have a command handler and keep the read
 * models, on the stores in memory. Faults come at every call of a store and between any two steps of a host; see {@link Fault.kinds}. In
 * the end all is quiet, and an audit compares what everybody was told, the log, the states and the rows with a model; see `Auditor`.
 *
 * A seed decides everything: the commands, the faults, which fiber goes on at each step; time is a `TestClock`. So a history can be had
 * again. One that went wrong is looked for without any fault; else its faults are left out until those remain that it needs.
 *
 * Laws:
 *
 * 1. A seed, with some of its faults, gives the same history each time.
 * 2. Without faults that are let in, there are none: what goes wrong then is wrong under interleaving alone.
 *
 * @since 0.1.0
 */
import type * as Aggregate from "@daybook/kernel/Aggregate"
import type * as Projection from "@daybook/kernel/Projection"
import type { ReadModelStore } from "@daybook/projections/ReadModelStore"
import * as ReadModelStoreMemory from "@daybook/projections/ReadModelStoreMemory"
import type { CommandHandler } from "@daybook/store/CommandHandler"
import type { EventStore } from "@daybook/store/EventStore"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import type { SnapshotStore } from "@daybook/store/SnapshotStore"
import * as SnapshotStoreMemory from "@daybook/store/SnapshotStoreMemory"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type { Model } from "./Auditor.ts"
import type { CommandSchema } from "./CommandSchema.ts"
import * as Fault from "./Fault.ts"
import * as Histories from "./internal/simulation/history.ts"
import type { Limits } from "./internal/simulation/plan.ts"
import { shrink } from "./internal/simulation/shrink.ts"

/**
 * What is simulated.
 *
 * **Details**
 * `command`: what is sent; few different products and sums, so that commands meet. `model`: what must come of it. `stores`: those in
 * memory, and `handler`: the one of `@daybook/store` with and without snapshots and cached states, unless given.
 *
 * @category types
 * @since 0.1.0
 */
export interface Simulation<Command, State, Event, Rejection> {
  readonly aggregate: Aggregate.Aggregate<Command, State, Event, Rejection>
  readonly command: Schema.Codec<Command, unknown>
  readonly model: Model<Command, State, Event>
  readonly projections?: ReadonlyArray<Projection.Any>
  readonly stores?: Layer.Layer<EventStore | SnapshotStore | ReadModelStore>
  readonly handler?: Layer.Layer<CommandHandler, never, EventStore | SnapshotStore>
}

/**
 * A history that was run.
 *
 * **Details**
 * `violations`: what went wrong, by the number of the invariant; 0 is an error that never should be. `checks`: by invariant, how many
 * things were compared. `digest`: of the log and the answers; the same for the same seed and faults.
 *
 * @category types
 * @since 0.1.0
 */
export type History = Histories.History

/**
 * How many histories were run, and what was in them.
 *
 * @category types
 * @since 0.1.0
 */
export interface Summary {
  readonly histories: number
  readonly commands: number
  readonly events: number
  readonly faults: ReadonlyMap<Fault.Kind, number>
  readonly checks: ReadonlyMap<number, number>
}

/**
 * A history in which something goes wrong, with the faults that it needs for that: as few as were found.
 *
 * **Details**
 * `first`: the history that went wrong, and how many faults it had. `seed` is another one's where that goes wrong with fewer.
 *
 * @category errors
 * @since 0.1.0
 */
export class HistoryFailed extends Schema.TaggedError<HistoryFailed>()("HistoryFailed", {
  seed: Schema.Int,
  schedule: Schema.Int,
  faults: Schema.Array(Fault.Fault),
  violations: Schema.Array(Schema.Struct({ invariant: Schema.Int, message: Schema.String })),
  first: Schema.Struct({ seed: Schema.Int, faults: Schema.Int }),
  /** How many histories were run before the first. */
  before: Schema.Int
}) {
  override get message() {
    const { faults, first, schedule, seed, violations } = this
    const lines = violations
      .slice(0, 5)
      .map(({ invariant, message }) =>
        invariant === 0 ? `- ${message}` : `- invariant ${invariant}: ${message}`
      )
    if (violations.length > lines.length)
      lines.push(`- and ${violations.length - lines.length} more`)
    const listed = faults.length === 0 ? "none" : faults.join(",")
    return (
      (seed === first.seed
        ? `The history of seed ${seed} goes wrong with ${faults.length} of ${first.faults} faults:\n`
        : `The history of seed ${first.seed} goes wrong with ${first.faults} faults, that of seed ${seed} with ${faults.length}:\n`) +
      `${lines.join("\n")}\n` +
      faults.map((fault) => `${fault}: ${Fault.kinds[Fault.kind(fault)]}\n`).join("") +
      `Replay: --seed ${seed} --schedule ${schedule} --faults ${listed}`
    )
  }
}

/**
 * Which history to run: that of a seed.
 *
 * **Details**
 * `faults`: no others than these are let in. `schedule`: another order of steps of the same commands and faults, counted from 0.
 *
 * @category types
 * @since 0.1.0
 */
export interface Replay {
  readonly seed: number
  readonly faults?: ReadonlyArray<Fault.Fault> | undefined
  readonly schedule?: number | undefined
}

/**
 * Runs the history of a seed, with all its faults or some.
 *
 * @category operations
 * @since 0.1.0
 */
export const run = <Command, State, Event, Rejection, S>(
  simulation: Fitting<Command, State, Event, Rejection, S>,
  options: Replay
): Effect.Effect<History> => runOf(fitting(simulation), options)

/**
 * Runs the histories of `seed` and of those that follow it, up to the first that goes wrong.
 *
 * **Details**
 * `histories`: 100 unless given. Errors: `HistoryFailed`, with its faults shrunk.
 *
 * @category operations
 * @since 0.1.0
 */
export const check = <Command, State, Event, Rejection, S>(
  simulation: Fitting<Command, State, Event, Rejection, S>,
  options: { readonly seed: number; readonly histories?: number }
): Effect.Effect<Summary, HistoryFailed> =>
  Effect.gen(function* () {
    const subject = fitting(simulation)
    const { histories = 100, seed } = options
    const faults = new Map<Fault.Kind, number>()
    const checks = new Map<number, number>()
    let commands = 0
    let events = 0
    for (let before = 0; before < histories; before++) {
      const history = yield* runOf(subject, { seed: seed + before })
      if (history.violations.length > 0) return yield* shrunk(subject, history, before)
      commands += history.commands
      events += history.events
      for (const fault of history.faults) add(faults, Fault.kind(fault), 1)
      for (const [invariant, count] of history.checks) add(checks, invariant, count)
    }
    return { histories, commands, events, faults, checks }
  })

/** A simulation whose schema is compared with the commands of its aggregate on its own, so that a mismatch says so. */
type Fitting<Command, State, Event, Rejection, S> = Omit<
  Simulation<Command, State, Event, Rejection>,
  "command"
> & { readonly command: S & CommandSchema<S, NoInfer<Command>> }

/** What fits gives commands of the aggregate, so it may stand for their schema. */
const fitting = <Command, State, Event, Rejection, S>(
  simulation: Fitting<Command, State, Event, Rejection, S>
): Simulation<Command, State, Event, Rejection> =>
  simulation as unknown as Simulation<Command, State, Event, Rejection>

const runOf = <Command, State, Event, Rejection>(
  simulation: Simulation<Command, State, Event, Rejection>,
  options: Replay
): Effect.Effect<History> =>
  Effect.promise(() =>
    runLimited(simulation, options, { only: options.faults && new Set(options.faults) })
  )

const runLimited = <Command, State, Event, Rejection>(
  simulation: Simulation<Command, State, Event, Rejection>,
  { schedule = 0, seed }: Replay,
  limits: Limits
): Promise<History> => {
  const { handler, projections = [], stores = memory } = simulation
  return Histories.run({ ...simulation, projections, stores, handler }, seed, schedule, limits)
}

const shrunk = Effect.fnUntraced(function* <Command, State, Event, Rejection>(
  simulation: Simulation<Command, State, Event, Rejection>,
  failed: History,
  before: number
): Effect.fn.Return<never, HistoryFailed> {
  const { history, schedule } = yield* Effect.promise(() =>
    shrink(failed, (replay, limits) => runLimited(simulation, replay, limits))
  )
  const { faults, seed, violations } = history
  const first = { seed: failed.seed, faults: failed.faults.length }
  return yield* new HistoryFailed({ seed, schedule, faults, violations, first, before })
})

const add = <K>(counts: Map<K, number>, key: K, count: number) =>
  counts.set(key, (counts.get(key) ?? 0) + count)

const memory = Layer.mergeAll(
  EventStoreMemory.layer,
  SnapshotStoreMemory.layer,
  ReadModelStoreMemory.layer
)
