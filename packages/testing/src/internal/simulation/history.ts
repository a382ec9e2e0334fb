/**
 * Runs one history: the work with its faults, the quiet at the end, and the audit.
 */
import * as EventMark from "@daybook/kernel/EventMark"
import * as Projection from "@daybook/kernel/Projection"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as Revision from "@daybook/kernel/Revision"
import * as StreamId from "@daybook/kernel/StreamId"
import * as OnDemandProjection from "@daybook/projections/OnDemandProjection"
import { Projections } from "@daybook/projections/Projections"
import * as ReadModel from "@daybook/projections/ReadModel"
import { ReadModelStore } from "@daybook/projections/ReadModelStore"
import { ConsumerGroups } from "@daybook/reactors/ConsumerGroups"
import * as ConsumerGroupsMemory from "@daybook/reactors/ConsumerGroupsMemory"
import { ProcessTimers } from "@daybook/reactors/ProcessTimers"
import * as ProcessTimersMemory from "@daybook/reactors/ProcessTimersMemory"
import type { Reactor } from "@daybook/reactors/Reactor"
import { CommandHandler } from "@daybook/store/CommandHandler"
import { EventStore } from "@daybook/store/EventStore"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import * as FoldFingerprint from "@daybook/store/FoldFingerprint"
import type { SnapshotStore } from "@daybook/store/SnapshotStore"
import * as SnapshotPolicy from "@daybook/store/SnapshotPolicy"
import * as Arbitrary from "effect/Arbitrary"
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Digest from "effect/crypto/Digest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import type * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { audit, type Observations, type Violation } from "../../simulation/Auditor.ts"
import type { Processes, Simulated, Together } from "../../simulation/Simulation.ts"
import type { Fault } from "../../simulation/Fault.ts"
import { inlineCopy } from "../inlineCopy.ts"
import * as Ballast from "./ballast.ts"
import * as Clients from "./clients.ts"
import * as Epochs from "./epochs.ts"
import { follow, operate } from "./followers.ts"
import * as Hosts from "./hosts.ts"
import * as OldRelease from "./oldRelease.ts"
import * as Operator from "./operator.ts"
import * as Plan from "./plan.ts"
import * as Reactions from "./reactions.ts"
import * as World from "./world.ts"

export interface Subject {
  readonly aggregates: Arr.NonEmptyReadonlyArray<Simulated>
  readonly together: ReadonlyArray<Together>
  readonly projections: ReadonlyArray<Projection.Any>
  readonly processes: ReadonlyArray<Processes>
  readonly reactors: ReadonlyArray<Reactor<CommandHandler | EventStore>>
  readonly stores: Layer.Layer<Hosts.Stores>
  readonly handler: Layer.Layer<CommandHandler, never, EventStore | SnapshotStore> | undefined
}

export interface History {
  readonly seed: number
  /** The broken invariants, by number; 0 marks an error that should never occur. */
  readonly violations: ReadonlyArray<Violation>
  /** The faults that happened, in their order. */
  readonly faults: ReadonlyArray<Fault>
  /** The number of commands sent in the last epoch of the log. */
  readonly commands: number
  /** The number of events in the log at the end. */
  readonly events: number
  /** The number of comparisons, by invariant. */
  readonly checks: ReadonlyMap<number, number>
  /** The number of steps that fibers took. */
  readonly steps: number
  /**
   * A hash of the log and of the answers: two runs of a seed with the same faults have the same.
   */
  readonly digest: number
}

/** The number of commands that are generated from the schema, to choose from. */
const POOL = 64

/**
 * The longest time that anything takes after the last fault: leases, pauses between attempts, and
 * slow calls.
 */
const QUIET = Duration.seconds(30)

/** A reactor whose log or rows failed often begins again after a pause of up to 30 seconds. */
const GROUPS_QUIET = Duration.seconds(120)

export const run = async (
  subject: Subject,
  seed: number,
  schedule: number,
  limits: Plan.Limits
): Promise<History> => {
  const world = World.make(seed, schedule)
  const plan = Plan.make(seed, limits)
  const dice = world.dice("history")
  const [first] = subject.aggregates
  const oldDice = world.dice("old release")
  const olds = subject.aggregates.map(({ aggregate }) => OldRelease.make(aggregate, oldDice))
  const domains = subject.aggregates.map((one, index) =>
    domainOf(one, Arr.getUnsafe(olds, index), seed)
  )
  const categories = [
    ...domains.map(({ aggregate }) => aggregate.category),
    ...subject.processes.map(({ aggregate }) => aggregate.category)
  ]
  const isSimulated = ({ streamId }: RecordedEvent) =>
    categories.includes(StreamId.category(streamId))
  const domainNamed = (streamId: StreamId.StreamId) =>
    domains.find(({ aggregate }) => aggregate.category === StreamId.category(streamId))
  const ballast = plan.knows("row-too-large") ? Ballast.make(first.aggregate, plan) : undefined
  const projections = [
    ...subject.projections,
    ...(ballast === undefined || subject.projections.length === 0 ? [] : [ballast.projection])
  ]
  const ballasts = new Set(
    ballast === undefined ? [] : [ballast.projection.name, inlineCopy(ballast.projection).name]
  )
  const operator = Operator.make(plan, (name) => ballasts.has(Projection.Name.make(name)))
  const withInline = projections.length > 0 && dice.chance(0.5)
  const inline = withInline ? projections.map(inlineCopy) : []
  const together = subject.together.flatMap((one) => callsOf(one, domains, seed))
  const groupRows = ConsumerGroupsMemory.makeDriver()
  const processGroups = subject.processes.flatMap(({ groups }) => groups)
  const reactors = subject.reactors.map((reactor) => {
    const reacted: Array<Reactions.Observed> = []
    return { reactor, reacted, faulty: Reactions.faulty(reactor, plan, reacted) }
  })
  const subscribers = new Map<string, Array<RecordedEvent["id"]>>()
  const prefixes: Array<{ epoch: number; upTo: bigint; ids: ReadonlyArray<string> }> = []
  const lives: Array<ReadonlyArray<string>> = []
  const overdue: Array<string> = []
  const unexpectedErrors: Array<string> = []
  let observations: ReadonlyArray<Observations> = []

  const program = Effect.gen(function* () {
    const scope = yield* Scope.Scope
    let restore: EventStoreMemory.Restore | undefined
    const stores = yield* Layer.buildWithScope(Layer.fresh(subject.stores), scope).pipe(
      Effect.provideService(EventStoreMemory.OnBuilt, (given) => {
        restore = given
      })
    )
    const events = Context.get(stores, EventStore)
    const epochs = Epochs.make(
      restore,
      events,
      Context.get(stores, ReadModelStore),
      inline,
      groupRows,
      processGroups,
      isSimulated
    )
    // Maintains the inline rows, as every appender must.
    const rival = yield* handlerOn(
      CommandHandler.layer.pipe(Layer.provide(Projections.layerAppends(inline)), Layer.orDie),
      stores,
      scope
    )
    const timers = yield* Layer.buildWithScope(Layer.fresh(ProcessTimersMemory.layer), scope).pipe(
      Effect.map((built) => Context.get(built, ProcessTimers))
    )
    let isOver = false
    const fork = Effect.runForkWith(world.contextOf(world.self))
    const again: Array<Fiber.Fiber<void>> = []
    const clients = Clients.make(world, plan, {
      domains,
      together,
      epoch: epochs.now,
      instances: ["a", "b", "c"].slice(0, dice.pick([1, 2, 3])),
      clients: dice.pick([1, 2, 4, 6]),
      commandsEach: dice.pick([3, 6, 12]),
      hosts: () => hosts,
      rival
    })
    const hosts: Hosts.Hosts = Hosts.make(world, plan, stores, {
      async: projections,
      inline,
      old: (projection) => olds.reduce((of, old) => old.projection(of), projection),
      restorable: epochs.restorable,
      restore: (at) => {
        if (!epochs.restore(at)) return
        // Restoring stops the server, so all connections end.
        world.severed++
        again.push(fork(clients.sendAgain(at)))
      },
      handler: subject.handler,
      groups: groupRows,
      timers,
      isOver: () => isOver,
      processes: subject.processes,
      reactors: reactors.map(({ faulty }) => faulty),
      // Runs in a separate fiber: the rival goes on when the caller that it outruns is interrupted.
      outrun: (streamId, at) =>
        Effect.callback((resume) => {
          const domain = domainNamed(streamId)
          if (domain === undefined) return resume(Effect.void)
          fork(clients.outrun(domain, StreamId.id(streamId), at)).addObserver(() =>
            resume(Effect.void)
          )
        })
    })
    yield* hosts.begin
    let meddling = true
    world.onStep = (step) => {
      if (meddling && step % 16 === 0) hosts.meddle()
    }
    for (const name of ["one", "two"].slice(0, dice.pick([0, 1, 2]))) {
      const given: Array<RecordedEvent["id"]> = []
      subscribers.set(name, given)
      yield* Effect.forkIn(follow(world, hosts, name, categories, given, lives), scope)
    }
    yield* Effect.forkIn(
      Effect.forever(
        Effect.andThen(
          Effect.sleep("200 millis"),
          Effect.suspend(() => {
            const epoch = epochs.now()
            return Effect.map(readLog(events, categories), (log) => {
              const upTo = log.at(-1)?.position
              if (upTo === undefined || epochs.now() !== epoch) return
              prefixes.push({ epoch, upTo, ids: log.map(({ id }) => id) })
            })
          })
        )
      ),
      scope
    )
    const groups = yield* Layer.buildWithScope(ConsumerGroupsMemory.layerOn(groupRows), scope).pipe(
      Effect.provideContext(stores),
      Effect.map((built) => Context.get(built, ConsumerGroups))
    )
    const groupNames = [
      ...reactors.map(({ reactor }): string => reactor.group.name),
      ...processGroups
    ]
    const tendAll = Effect.forEach(groupNames, (name) => Reactions.tend(groups, name))
    if (groupNames.length > 0) {
      yield* Effect.forkIn(
        Effect.forever(Effect.andThen(Effect.sleep("1 second"), Effect.exit(tendAll))),
        scope
      )
    }
    const names = [...projections, ...inline].map(({ name }) => name)
    if (plan.knows("row-too-large") || plan.knows("log-restored")) {
      yield* Effect.forkIn(operate(world, hosts, operator, names), scope)
    }

    yield* clients.work
    while (again.length > 0) yield* Effect.all(again.splice(0).map(Fiber.join))
    plan.end()
    meddling = false
    yield* hosts.recover

    const host = yield* hosts.any(dice)
    const runner = Context.get(host.services, Projections)
    /** Runs a check as a fiber of the host, and reports one that takes too long or fails. */
    const within = <A, E>(what: string, effect: Effect.Effect<A, E>, quiet = QUIET) =>
      Effect.gen(function* () {
        const done = yield* Effect.timeoutOption(hosts.on(host, effect), quiet)
        if (done._tag === "None") overdue.push(`${what} takes more than ${Duration.format(quiet)}`)
        else if (done.value !== "gone" && Exit.isFailure(done.value)) {
          unexpectedErrors.push(`${what}: ${String(Cause.squash(done.value.cause))}`)
        }
      })
    if (groupNames.length > 0) {
      const untilCaughtUp = Effect.repeat(
        Effect.tap(tendAll, () => Effect.sleep("250 millis")),
        { until: (all) => all.every((hasCaughtUp) => hasCaughtUp) }
      )
      yield* within("the groups catching up", untilCaughtUp, GROUPS_QUIET)
      // The timers that fire after this would change the log under the comparisons.
      isOver = true
      yield* Effect.sleep("1 second")
      yield* within("the groups catching up again", untilCaughtUp, GROUPS_QUIET)
    }
    const endMillis = world.now()
    const head = yield* Effect.orDie(events.head)
    for (const name of names) {
      yield* within(`${name} catching up`, operator.caughtUp(runner, name, head, QUIET))
    }
    for (const [name, given] of subscribers) {
      const now = yield* readLog(events, categories)
      const expected = now.length
      const last = now.at(-1)?.id
      yield* within(
        `subscriber ${name} catching up`,
        Effect.gen(function* () {
          while (given.at(-1) !== last || given.length < expected) yield* Effect.sleep("10 millis")
          // Waits longer, to catch events that should not come.
          yield* Effect.sleep("1 second")
        })
      )
    }

    const rows: Array<Observations["rows"][number]> = []
    const look = Effect.fnUntraced(function* (way: string, of: "async" | "inline") {
      for (const [index, projection] of projections.entries()) {
        const stored = of === "async" ? projection : inline[index]
        if (stored === undefined) continue
        const found = yield* Stream.runCollect(ReadModel.query(stored, {}))
        rows.push({ projection, way, rows: found })
      }
    })
    yield* look("stored after the log", "async").pipe(Effect.provideContext(stores))
    yield* look("stored by the appends", "inline").pipe(Effect.provideContext(stores))
    for (const projection of projections) {
      const onDemand = yield* OnDemandProjection.tableAt(projection).pipe(
        Effect.provideContext(stores)
      )
      rows.push({ projection, way: "folded on demand", rows: onDemand })
    }
    for (const name of names) {
      yield* within(`rebuilding ${name}`, Stream.runDrain(runner.rebuild(name)))
    }
    yield* look("rebuilt", "async").pipe(Effect.provideContext(stores))
    yield* look("rebuilt inline", "inline").pipe(Effect.provideContext(stores))

    const log = yield* readLog(events, categories)
    const sent = clients.sent(epochs.now())
    const folds: Array<Observations["folds"][number]> = []
    const folding = yield* handlerOn(
      CommandHandler.layerSnapshots(SnapshotPolicy.never),
      stores,
      scope
    )
    for (const streamId of new Set(log.map((event) => event.streamId))) {
      const aggregate = domainNamed(streamId)?.aggregate
      if (aggregate === undefined) continue
      const { category } = aggregate
      const id = StreamId.id(streamId)
      folds.push({ category, id, ...(yield* folding.load(aggregate, id)) })
      for (const { answers } of sent.filter((one) => one.id === id && one.category === category)) {
        const [answer] = answers
        if (answer?._tag !== "Accepted") continue
        const revision = Revision.make(answer.revision)
        folds.push({ category, id, ...(yield* folding.loadAt(aggregate, id, { revision })) })
      }
    }
    unexpectedErrors.push(...hosts.unexpectedErrors, ...clients.unexpectedErrors)
    const logs = epochs.logs(log)
    for (const ids of lives) {
      if (!logs.some((one) => one.slice(0, ids.length).every(({ id }, at) => id === ids[at]))) {
        unexpectedErrors.push(
          `a subscriber that had to begin again was given what no log had: ${ids.join()}`
        )
      }
    }
    if (ballast !== undefined && subject.projections.length > 0) {
      for (const name of [ballast.projection.name, ...(inline.length > 0 ? ballasts : [])]) {
        yield* within(
          `the skipped events of ${name}`,
          Effect.map(runner.skipped(name), (skipped) => {
            const actual = new Set(skipped.map(({ event }) => event))
            const wrong = log.filter(
              (event) => ballast.isTooMuch(event.id) !== actual.has(EventMark.of(event))
            )
            if (wrong.length > 0) {
              unexpectedErrors.push(
                `${name} skips other events than it should: ${wrong.map(({ id }) => id).join()}`
              )
            }
          })
        )
      }
    }
    const at = <A extends { readonly epoch: number }>(all: ReadonlyArray<A>, epoch: number) =>
      all.filter((one) => one.epoch === epoch)
    observations = logs.map((own, epoch) => {
      const isLast = epoch === logs.length - 1
      return {
        sent: clients.sent(epoch),
        together: clients.together(),
        log: own,
        loads: at(clients.loads, epoch),
        folds: isLast ? folds : [],
        prefixes: at(prefixes, epoch),
        subscribers: isLast ? subscribers : new Map(),
        rows: isLast ? rows : [],
        processes: subject.processes,
        lost: logs.flatMap((other) => other.filter(({ id }) => !own.some((one) => one.id === id))),
        endMillis: isLast ? endMillis : undefined,
        reactors: isLast
          ? reactors.map(({ reacted, reactor }) => Reactions.observed(reactor, reacted, own))
          : [],
        overdue: isLast ? overdue : []
      }
    })
  }).pipe(Effect.scoped)

  // The fingerprints are cached in the process. Computing them here gives the first history the
  // same steps as later ones.
  await Effect.runPromise(
    Effect.forEach(
      [
        ...domains.flatMap(({ aggregate, old }) => [aggregate, old]),
        ...subject.processes.map(({ aggregate }) => aggregate)
      ],
      (aggregate) => Effect.exit(FoldFingerprint.make(aggregate)),
      { discard: true }
    ).pipe(Effect.provide(Digest.layerWebCrypto))
  )
  const exit = await world.run(program)
  const failures: Array<Violation> = unexpectedErrors.map((message) => ({ invariant: 0, message }))
  if (typeof exit === "string") {
    failures.push({ invariant: 14, message: `no progress: ${STUCK[exit]}` })
  } else if (Exit.isFailure(exit)) {
    failures.push({ invariant: 0, message: Cause.pretty(exit.cause) })
  }
  const checks = new Map<number, number>()
  const violations: Array<Violation> = []
  for (const [epoch, one] of observations.entries()) {
    const when = epoch === observations.length - 1 ? "" : `before restore ${epoch + 1} of the log: `
    const [, ...others] = subject.aggregates
    const own = one.log.filter(
      ({ streamId }) => StreamId.category(streamId) === first.aggregate.category
    )
    const model = Ballast.modelWith(first.model, ballast, own)
    const audited = audit([{ ...first, model }, ...others], one)
    for (const { invariant, message } of audited.violations) {
      violations.push({ invariant, message: `${when}${message}` })
    }
    for (const [invariant, count] of audited.checks) {
      checks.set(invariant, (checks.get(invariant) ?? 0) + count)
    }
  }
  const last = observations.at(-1)
  return {
    seed,
    violations: [...violations, ...failures],
    faults: plan.injected,
    commands: last?.sent.length ?? 0,
    events: last?.log.length ?? 0,
    checks,
    steps: world.steps(),
    digest: digestOf(last, world.steps())
  }
}

/** Draws the commands of an aggregate to choose from. */
const domainOf = (
  { aggregate, command }: Simulated,
  old: OldRelease.OldRelease<unknown, unknown, unknown, unknown>,
  seed: number
): Clients.Domain => ({ aggregate, old: old.aggregate, commands: drawn(command, seed) })

const drawn = (schema: Schema.Codec<unknown, unknown>, seed: number) =>
  Effect.runSync(
    Arbitrary.sampleEffect(Arbitrary.schema(schema), { count: POOL, seed }).pipe(Effect.orDie)
  )

/**
 * Draws the commands together to choose from, without those that name an instance twice: the audit
 * finds a command by its id and instance. Throws for an aggregate that is not simulated.
 */
const callsOf = (
  { calls, input }: Together,
  domains: ReadonlyArray<Clients.Domain>,
  seed: number
): ReadonlyArray<ReadonlyArray<Clients.Call>> =>
  drawn(input, seed)
    .map((drawnInput) =>
      calls(drawnInput).map(({ aggregate, command, id }): Clients.Call => {
        const domain = domains.find((one) => one.aggregate === aggregate)
        if (domain === undefined) {
          const known = domains.map((one) => one.aggregate.category).join()
          throw new Error(`a call of commands together names another aggregate than ${known}`)
        }
        return { domain, id, command }
      })
    )
    .filter(
      (all) =>
        new Set(all.map(({ domain, id }) => `${domain.aggregate.category}-${id}`)).size ===
        all.length
    )

const STUCK = {
  deadlock: "all fibers wait for one another",
  steps: "something runs for ever",
  time: "an hour has passed"
} satisfies Record<World.Stuck, string>

const handlerOn = <R>(
  layer: Layer.Layer<CommandHandler, never, R>,
  stores: Context.Context<R>,
  scope: Scope.Scope
) =>
  Effect.map(
    Layer.buildWithScope(
      Layer.fresh(layer).pipe(Layer.provide(Layer.succeedContext(stores))),
      scope
    ),
    (built) => Context.get(built, CommandHandler)
  )

const readLog = (events: EventStore["Service"], categories: ReadonlyArray<StreamId.Category>) =>
  Stream.runCollect(events.readAll({ categories })).pipe(Effect.orDie)

/** Hashes the observations with FNV-1a, 32 bits. */
const digestOf = (observations: Observations | undefined, steps: number): number => {
  const parts = [
    ...(observations?.log ?? []).map(
      ({ data, id, recordedAt }) => `${id} ${JSON.stringify(data)} ${recordedAt.epochMilliseconds}`
    ),
    ...(observations?.sent ?? []).map(
      ({ answers, commandId }) => `${commandId} ${answers.map((answer) => answer._tag).join()}`
    ),
    String(steps)
  ]
  let hash = 0x811c_9dc5
  for (const char of parts.join("\n")) {
    hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x0100_0193)
  }
  return hash >>> 0
}
