/**
 * Runs a domain on hosts that die, over connections that lose calls, and searches for a history in
 * which an invariant breaks.
 *
 * Several clients execute generated commands on a few instances of one or several aggregates, some
 * of them together. They go through hosts that each
 * have a command handler and maintain the read models, on the stores in memory. Faults occur at
 * every call of a store and between any two steps of a host; see {@link Fault.kinds}. At the end
 * the faults stop, and an audit compares all answers, the log, the states and the rows with a
 * model; see `Auditor`.
 *
 * The seed decides everything: the commands, the faults, and the fiber that runs at each step. Time
 * is a `TestClock`. So a history can be run again. To shrink a failing history, the search first
 * tries histories without any fault, then leaves out faults until only the necessary ones remain.
 *
 * Laws:
 *
 * 1. A seed, with some of its faults, gives the same history each time.
 * 2. Faults happen only if they are let in: a failure without faults is due to interleaving alone.
 *
 * @since 0.1.0
 */
import type * as Aggregate from "@daybook/kernel/Aggregate"
import type * as Projection from "@daybook/kernel/Projection"
import type { ReadModelStore } from "@daybook/projections/ReadModelStore"
import * as ReadModelStoreMemory from "@daybook/projections/ReadModelStoreMemory"
import type * as CommandCall from "@daybook/store/CommandCall"
import type { ProcessManager, Targets } from "@daybook/kernel/ProcessManager"
import type { ConsumerGroups } from "@daybook/reactors/ConsumerGroups"
import * as ProcessRunner from "@daybook/reactors/ProcessRunner"
import type { ProcessTimers } from "@daybook/reactors/ProcessTimers"
import type { Reactor } from "@daybook/reactors/Reactor"
import type { CommandHandler } from "@daybook/store/CommandHandler"
import type { EventStore } from "@daybook/store/EventStore"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import type { SnapshotStore } from "@daybook/store/SnapshotStore"
import * as SnapshotStoreMemory from "@daybook/store/SnapshotStoreMemory"
import type * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Auditor from "./Auditor.ts"
import type { Audited, AuditedProcesses, Model } from "./Auditor.ts"
import * as Fault from "./Fault.ts"
import * as Histories from "../internal/simulation/history.ts"
import type { Limits } from "../internal/simulation/plan.ts"
import { shrink } from "../internal/simulation/shrink.ts"

/**
 * An aggregate to simulate, with its commands and its model; built by {@link of}.
 *
 * @category types
 * @since 0.1.0
 */
export interface Simulated extends Audited {
  readonly command: Schema.Codec<unknown, unknown>
}

/**
 * Commands that are executed together, all or none, for each input of a schema; built by
 * {@link together}.
 *
 * @category types
 * @since 0.1.0
 */
export interface Together {
  readonly input: Schema.Codec<unknown, unknown>
  readonly calls: (input: unknown) => ReadonlyArray<CommandCall.Any>
}

/**
 * The processes of a manager to simulate; built by {@link processes}.
 *
 * @category types
 * @since 0.1.0
 */
export interface Processes extends AuditedProcesses {
  readonly layer: Layer.Layer<never, never, ConsumerGroups | CommandHandler | ProcessTimers>
  /** The names of their groups. */
  readonly groups: ReadonlyArray<string>
}

/**
 * The subject of a simulation.
 *
 * @category types
 * @since 0.1.0
 */
export interface Simulation {
  /** Aggregates of different categories. */
  readonly aggregates: Arr.NonEmptyReadonlyArray<Simulated>
  /** Commands on several instances, sent among those on one; none by default. */
  readonly together?: ReadonlyArray<Together>
  readonly projections?: ReadonlyArray<Projection.Any>
  /** Processes of all hosts, whose targets are among the aggregates; none by default. */
  readonly processes?: ReadonlyArray<Processes>
  /** Reactors of all hosts; none by default. */
  readonly reactors?: ReadonlyArray<Reactor<CommandHandler | EventStore>>
  /** The stores in memory by default. */
  readonly stores?: Layer.Layer<EventStore | SnapshotStore | ReadModelStore>
  /** By default the handler of `@daybook/store`, with and without snapshots and cached states. */
  readonly handler?: Layer.Layer<CommandHandler, never, EventStore | SnapshotStore>
}

/**
 * Builds the description of an aggregate to simulate. A compile error stands at the part that does
 * not fit the aggregate.
 *
 * **Details**
 * `command`: the schema of the commands to send. Give it few different products and sums, so that
 * commands meet. `model`: recomputes the expected states and rows.
 *
 * @category constructors
 * @since 0.1.0
 */
export const of = <Command, State, Event, Rejection, S>(options: {
  readonly aggregate: Aggregate.Aggregate<Command, State, Event, Rejection>
  readonly command: S & CommandSchema<S, NoInfer<Command>>
  readonly model: Model<NoInfer<Command>, NoInfer<State>, NoInfer<Event>>
}): Simulated => ({
  ...Auditor.of(options.aggregate, options.model),
  // A fitting schema gives commands of the aggregate, so it may stand for their schema.
  command: options.command as unknown as Schema.Codec<unknown, unknown>
})

/**
 * Builds the processes of a manager to simulate, from the beginning of the log.
 *
 * @category constructors
 * @since 0.1.0
 */
export const processes = <Event, State, Own, Of extends Targets, Timer extends string>(
  manager: ProcessManager<Event, State, Own, Of, Timer>
): Processes => ({
  ...Auditor.ofProcesses(manager),
  layer: ProcessRunner.layer(manager, { from: "beginning", onFailure: "park" }),
  groups: Object.values(ProcessRunner.groupNames(manager))
})

/**
 * Builds commands that are executed together.
 *
 * **Details**
 * The instances of single commands are "a", "b" and "c": name them in `input`, so that commands
 * meet. An input whose calls name an instance twice is left out. The aggregates of the calls must
 * be simulated.
 *
 * @category constructors
 * @since 0.1.0
 */
export const together = <Input, Encoded>(
  input: Schema.Codec<Input, Encoded>,
  calls: (input: Input) => ReadonlyArray<CommandCall.Any>
): Together =>
  // The calls get inputs of this schema only.
  ({ input, calls }) as unknown as Together

/**
 * The schema `S` when all the commands that it gives are of type `Command`; otherwise a type that
 * no schema has, whose property names state the mistake.
 *
 * **Details**
 * A union is compared command by command, so the compile error names only the commands that the
 * decider does not take.
 *
 * @category types
 * @since 0.1.0
 */
export type CommandSchema<S, Command> =
  S extends Schema.Codec<infer Given, infer _Encoded>
    ? [Given] extends [Command]
      ? S
      : {
          readonly "this schema gives commands that are not decided": Exclude<Given, Command>
          readonly "commands that are decided": Command
        }
    : { readonly "this is no schema that needs no services": S }

/**
 * A history that was run.
 *
 * @category types
 * @since 0.1.0
 */
export type History = Histories.History

/**
 * The number of histories that were run, and the numbers of things in them.
 *
 * @category types
 * @since 0.1.0
 */
export interface Summary {
  readonly histories: number
  readonly commands: number
  readonly events: number
  /** The number of faults, by kind. */
  readonly faults: ReadonlyMap<Fault.Kind, number>
  /** The number of comparisons, by invariant. */
  readonly checks: ReadonlyMap<number, number>
}

/**
 * A history broke an invariant. It has the fewest faults with which the search saw it fail.
 *
 * @category errors
 * @since 0.1.0
 */
export class HistoryFailed extends Schema.TaggedError<HistoryFailed>()("HistoryFailed", {
  /**
   * The seed of the smallest failing history; another than the first one's if that fails with fewer
   * faults.
   */
  seed: Schema.Int,
  /** The order of steps, as in {@link Replay}. */
  schedule: Schema.Int,
  /** The faults that the failure needs. */
  faults: Schema.Array(Fault.Fault),
  violations: Schema.Array(Schema.Struct({ invariant: Schema.Int, message: Schema.String })),
  /** The history that failed first, and its number of faults. */
  first: Schema.Struct({ seed: Schema.Int, faults: Schema.Int }),
  /** The number of histories that ran before the first failure. */
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
 * The history to run.
 *
 * @category types
 * @since 0.1.0
 */
export interface Replay {
  readonly seed: number
  /** The only faults to let in; all by default. */
  readonly faults?: ReadonlyArray<Fault.Fault> | undefined
  /** The number of another order of steps, with the same commands and faults; 0 by default. */
  readonly schedule?: number | undefined
}

/**
 * Runs the history of a seed, with all its faults or some of them.
 *
 * @category operations
 * @since 0.1.0
 */
export const run = (simulation: Simulation, options: Replay): Effect.Effect<History> =>
  Effect.promise(() =>
    runLimited(simulation, options, { only: options.faults && new Set(options.faults) })
  )

/**
 * Runs the histories of `seed` and the seeds after it, up to the first that fails.
 *
 * **Details**
 * `histories`: 100 by default. Errors: `HistoryFailed`, with its faults shrunk.
 *
 * @category operations
 * @since 0.1.0
 */
export const check = (
  simulation: Simulation,
  options: { readonly seed: number; readonly histories?: number }
): Effect.Effect<Summary, HistoryFailed> =>
  Effect.gen(function* () {
    const { histories = 100, seed } = options
    const faults = new Map<Fault.Kind, number>()
    const checks = new Map<number, number>()
    let commands = 0
    let events = 0
    for (let before = 0; before < histories; before++) {
      const history = yield* run(simulation, { seed: seed + before })
      if (history.violations.length > 0) return yield* shrunk(simulation, history, before)
      commands += history.commands
      events += history.events
      for (const fault of history.faults) add(faults, Fault.kind(fault), 1)
      for (const [invariant, count] of history.checks) add(checks, invariant, count)
    }
    return { histories, commands, events, faults, checks }
  })

const runLimited = (
  {
    aggregates,
    handler,
    processes = [],
    projections = [],
    reactors = [],
    stores = memory,
    together = []
  }: Simulation,
  { schedule = 0, seed }: Replay,
  limits: Limits
): Promise<History> =>
  Histories.run(
    { aggregates, handler, processes, projections, reactors, stores, together },
    seed,
    schedule,
    limits
  )

const shrunk = Effect.fnUntraced(function* (
  simulation: Simulation,
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
