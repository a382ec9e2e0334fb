/**
 * The hosts of a simulation. Each is a process with a command handler and a runner of read models,
 * over a faulty connection to the same stores.
 */
import type * as Projection from "@daybook/kernel/Projection"
import { Projections } from "@daybook/projections/Projections"
import { GroupSettings } from "@daybook/reactors/ConsumerGroups"
import * as ConsumerGroupsMemory from "@daybook/reactors/ConsumerGroupsMemory"
import type { GroupDriver } from "@daybook/reactors/driver/GroupDriver"
import { ProcessTimers } from "@daybook/reactors/ProcessTimers"
import type { Reactor } from "@daybook/reactors/Reactor"
import { Reactors } from "@daybook/reactors/Reactors"
import { ReadModelStore } from "@daybook/projections/ReadModelStore"
import { defaults, RunnerSettings } from "@daybook/projections/RunnerSettings"
import { CachedStreams, CommandHandler } from "@daybook/store/CommandHandler"
import type { StreamId } from "@daybook/kernel/StreamId"
import { EventStore } from "@daybook/store/EventStore"
import * as SnapshotPolicy from "@daybook/store/SnapshotPolicy"
import { SnapshotStore } from "@daybook/store/SnapshotStore"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Processes } from "../../simulation/Simulation.ts"
import * as Connection from "./connection.ts"
import type { Dice } from "./dice.ts"
import * as FaultyEvents from "./faultyEvents.ts"
import * as FaultyGroups from "./faultyGroups.ts"
import * as FaultyTimers from "./faultyTimers.ts"
import * as FaultyRows from "./faultyRows.ts"
import * as FaultySnapshots from "./faultySnapshots.ts"
import { came, type Plan } from "./plan.ts"
import type { Process, World } from "./world.ts"

export type Stores = EventStore | SnapshotStore | ReadModelStore

interface Host {
  readonly number: number
  /** True for a host of the release before. */
  readonly isOld: boolean
  readonly process: Process
  readonly connection: Connection.Connection
  readonly scope: Scope.Closeable
  /** Callbacks for the end of the host. */
  readonly onEnd: Set<() => void>
  /** The log through the host's connection. */
  readonly events: EventStore["Service"]
  readonly services: Context.Context<CommandHandler | Projections> | undefined
}

export interface Hosts {
  /** Picks a running host; waits for one if there is none. */
  readonly any: (dice: Dice) => Effect.Effect<Running>
  /** Runs an effect on the host, until the effect or the host ends. */
  readonly on: <A, E>(
    host: Host,
    effect: Effect.Effect<A, E>
  ) => Effect.Effect<Exit.Exit<A, E> | "gone">
  /** Offers an occasion for a fault of the hosts. */
  readonly meddle: () => void
  /** Errors of the hosts that no fault explains. */
  readonly unexpectedErrors: ReadonlyArray<string>
  readonly begin: Effect.Effect<void>
  /** Brings all hosts up, on the current release. */
  readonly recover: Effect.Effect<void>
}

export interface Running extends Host {
  readonly services: Context.Context<CommandHandler | Projections>
}

/** The lease of the hosts. */
const LEASE = Duration.seconds(1)

/** The lease of the hosts' groups, each of which is renewed apart from the others. */
const GROUP_LEASE = Duration.seconds(2)

/** Sleeps are longer than a lease, and than a lease with all retries within it. */
const SLEEPS_MILLIS = [1_100, 2_500, 6_000]
const RESTARTS_MILLIS = [0, 30, 500, 3_000]

/** The times after which a host of the release before is replaced. */
const DEPLOY_MILLIS = [50, 500, 3_000]

export const make = (
  world: World,
  plan: Plan,
  stores: Context.Context<Stores>,
  options: {
    readonly async: ReadonlyArray<Projection.Any>
    readonly inline: ReadonlyArray<Projection.Any>
    /** Returns a projection as the release before defines it. */
    readonly old: (projection: Projection.Any) => Projection.Any
    /** The fault, while it may still happen. */
    readonly restorable: () => ReadonlyArray<"log-restored">
    /** Restores the log to an earlier time. */
    readonly restore: (dice: Dice) => void
    readonly handler: Layer.Layer<CommandHandler, never, EventStore | SnapshotStore> | undefined
    readonly outrun: (streamId: StreamId, dice: Dice) => Effect.Effect<void>
    readonly groups: GroupDriver
    readonly timers: ProcessTimers["Service"]
    /** Returns true when no further timer may fire. */
    readonly isOver: () => boolean
    /** The processes of hosts of the current release. */
    readonly processes: ReadonlyArray<Processes>
    /** The reactors of hosts of the current release. */
    readonly reactors: ReadonlyArray<Reactor<CommandHandler | EventStore>>
  }
): Hosts => {
  const dice = world.dice("hosts")
  const settings = {
    ...defaults,
    lease: LEASE,
    pollInterval: Duration.millis(100),
    partitions: dice.pick([1, 2])
  }
  const pageSize = dice.pick([1, 2, 5, 256])
  const slots: Array<Host | undefined> = Array.from({ length: dice.pick([1, 2, 3]) })
  const unexpectedErrors: Array<string> = []
  const names = [...options.async, ...options.inline].map(({ name }) => name)
  let numbers = 0

  const fork = <A, E>(effect: Effect.Effect<A, E>, process: Process = world.self) =>
    Effect.runForkWith(world.contextOf(process))(effect)

  const servicesOf = (
    events: EventStore["Service"],
    connection: Connection.Connection,
    isOld: boolean
  ) => {
    const release = (projections: ReadonlyArray<Projection.Any>) =>
      isOld ? projections.map(options.old) : projections
    const async = release(options.async)
    const inline = release(options.inline)
    const eventStore = Layer.succeed(EventStore, events)
    const snapshots = Layer.succeed(
      SnapshotStore,
      FaultySnapshots.make(Context.get(stores, SnapshotStore), connection)
    )
    const rows = Layer.succeed(
      ReadModelStore,
      FaultyRows.make(Context.get(stores, ReadModelStore), connection)
    )
    const handler =
      options.handler ??
      dice.pick([
        CommandHandler.layer,
        CommandHandler.layerSnapshots(SnapshotPolicy.every(dice.pick([1, 2, 5])))
      ])
    const readModels = Projections.layer({ async, inline }).pipe(Layer.provide([eventStore, rows]))
    const outrun = Layer.effect(
      EventStore,
      Effect.map(EventStore, (store) => FaultyEvents.outrunning(store, plan, options.outrun))
    ).pipe(Layer.provide(readModels))
    const handling = handler.pipe(Layer.provide([outrun, snapshots]))
    const groups = ConsumerGroupsMemory.layerOn(FaultyGroups.make(options.groups, connection))
    const timers = Layer.succeed(
      ProcessTimers,
      FaultyTimers.make(options.timers, connection, options.isOver)
    )
    const following = Layer.mergeAll(
      Reactors.layer(isOld ? [] : options.reactors),
      ...(isOld ? [] : options.processes.map(({ layer }) => layer))
    ).pipe(
      Layer.provide([groups, timers]),
      Layer.provide([handling, eventStore]),
      Layer.provide(Layer.succeed(GroupSettings, { lease: GROUP_LEASE }))
    )
    const follows = options.reactors.length + options.processes.length > 0
    const own = follows ? Layer.merge(handling, following) : handling
    return Layer.merge(own, readModels).pipe(
      Layer.provide(Layer.succeed(RunnerSettings, settings)),
      Layer.provide(Layer.succeed(CachedStreams, dice.pick([0, 0, 1, 100])))
    )
  }

  const start = (slot: number): void => {
    const old = plan.occasion("old-host")
    const isOld = old !== undefined
    const process = world.process()
    const connection = Connection.make(world, process, plan)
    const events = FaultyEvents.make(Context.get(stores, EventStore), connection, pageSize)
    const scope = Scope.makeUnsafe()
    const host: Host = {
      number: ++numbers,
      isOld,
      process,
      connection,
      scope,
      onEnd: new Set(),
      events,
      services: undefined
    }
    slots[slot] = host
    if (old !== undefined) {
      const replaced = Effect.sync(() => {
        if (slots[slot]?.process === process) leave(slot, 0)
      })
      fork(Effect.delay(replaced, Duration.millis(old.dice.pick(DEPLOY_MILLIS))))
    }
    const built = Layer.buildWithScope(Layer.fresh(servicesOf(events, connection, isOld)), scope)
    fork(built, process).addObserver((exit) => {
      if (slots[slot] !== host || !process.isAlive()) return
      if (Exit.isSuccess(exit)) {
        slots[slot] = { ...host, services: exit.value }
        return
      }
      report(`host ${host.number} starts`, exit.cause)
      end(host)
      restart(slot, 30)
    })
  }

  /** Interrupts a host, and starts another one after its cleanup. */
  const leave = (slot: number, millis: number) => {
    const host = slots[slot]
    if (host === undefined || !host.process.isAlive()) return
    slots[slot] = undefined
    fork(Scope.close(host.scope, Exit.void), host.process).addObserver(() => {
      end(host)
      restart(slot, millis)
    })
  }

  /** Records an error, unless a fault explains it. */
  const report = (when: string, cause: Cause.Cause<unknown>) => {
    if (Cause.hasInterruptsOnly(cause)) return
    const failure = Cause.squash(cause)
    const tag = Predicate.hasProperty(failure, "_tag") ? failure._tag : undefined
    if (EXPECTED.includes(String(tag))) return
    // A poison event stops a rebuild, which these faults may cause.
    if (tag === "ProjectionStopped" && came(plan, "old-host", "row-too-large")) return
    unexpectedErrors.push(`${when}: ${tag === undefined ? Cause.pretty(cause) : String(failure)}`)
  }

  const end = (host: Host) => {
    host.process.die()
    host.connection.cut()
    for (const ended of host.onEnd) ended()
  }

  const restart = (slot: number, millis: number) => {
    fork(
      Effect.delay(
        Effect.sync(() => start(slot)),
        Duration.millis(millis)
      )
    )
  }

  const on: Hosts["on"] = (host, effect) =>
    Effect.callback((resume) => {
      if (!host.process.isAlive()) return resume(Effect.succeed("gone"))
      const gone = () => resume(Effect.succeed("gone"))
      host.onEnd.add(gone)
      fork(effect, host.process).addObserver((exit) => {
        host.onEnd.delete(gone)
        resume(Effect.succeed(exit))
      })
    })

  const running = () =>
    slots.filter(
      (host): host is Running =>
        host !== undefined && host.services !== undefined && host.process.isAlive()
    )

  return {
    unexpectedErrors,
    on,
    any: (choice) =>
      Effect.gen(function* () {
        for (;;) {
          const all = running()
          if (all.length > 0) return choice.pick(all)
          yield* Effect.sleep("10 millis")
        }
      }),
    meddle: () => {
      const slot = dice.below(slots.length)
      const host = slots[slot]
      if (host === undefined || !host.process.isAlive() || host.process.isPaused()) return
      const event = plan.occasion(
        "host-freezes",
        "host-stops",
        "host-sleeps",
        "rows-rebuilt",
        ...options.restorable()
      )
      if (event === undefined) return
      const { process } = host
      switch (event.kind) {
        case "host-freezes":
          end(host)
          restart(slot, event.dice.pick(RESTARTS_MILLIS))
          break
        case "host-stops":
          leave(slot, event.dice.pick(RESTARTS_MILLIS))
          break
        case "host-sleeps":
          process.pause()
          fork(
            Effect.delay(
              Effect.sync(process.resume),
              Duration.millis(event.dice.pick(SLEEPS_MILLIS))
            )
          )
          break
        case "log-restored":
          options.restore(event.dice)
          break
        default: {
          if (host.services === undefined || names.length === 0) break
          const name = event.dice.pick(names)
          const rebuilt = Context.get(host.services, Projections).rebuild(name)
          fork(Stream.runDrain(rebuilt), process).addObserver((exit) => {
            if (process.isAlive() && Exit.isFailure(exit)) report(`rebuilding ${name}`, exit.cause)
          })
        }
      }
    },
    begin: Effect.sync(() => slots.forEach((_, slot) => start(slot))),
    recover: Effect.gen(function* () {
      for (const [slot, host] of slots.entries()) {
        host?.process.resume()
        if (host?.isOld === true) leave(slot, 0)
      }
      while (running().filter(({ isOld }) => !isOld).length < slots.length)
        yield* Effect.sleep("10 millis")
    })
  }
}

/** The errors of calls over a cut connection, and of a rebuild that another host has taken over. */
const EXPECTED = ["EventStoreError", "ReadModelStoreError", "SnapshotStoreError", "RebuildLost"]
