/**
 * Orders on several processes and a real server, all of which are attacked; and an audit of the
 * results.
 */
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import { aggregate } from "@daybook/order/Order"
import * as OnDemandProjection from "@daybook/projections/OnDemandProjection"
import { Projections } from "@daybook/projections/Projections"
import * as ReadModel from "@daybook/projections/ReadModel"
import * as ReadModelStorePostgres from "@daybook/projections/ReadModelStorePostgres"
import { CommandHandler } from "@daybook/store/CommandHandler"
import { EventStore } from "@daybook/store/EventStore"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as SnapshotPolicy from "@daybook/store/SnapshotPolicy"
import * as SnapshotStorePostgres from "@daybook/store/SnapshotStorePostgres"
import * as StreamId from "@daybook/kernel/StreamId"
import * as Auditor from "@daybook/testing/simulation/Auditor"
import * as PostgresServer from "@daybook/testing/PostgresServer"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import { SqlClient } from "effect/sql/SqlClient"
import * as Stream from "effect/Stream"
import { model } from "../orderSimulation.ts"
import * as Attacks from "./attacks.ts"
import * as Clients from "./clients.ts"
import * as Host from "./host.ts"
import * as Hostile from "./hostile.ts"
import * as Restored from "./restored.ts"
import * as Sound from "./sound.ts"
import * as Users from "./users.ts"
import { behind, heavy, heavyRows, inlineSummaries, summaries } from "./projections.ts"

interface Torture {
  readonly attacks: ReadonlyMap<Attacks.Kind, number>
  readonly commands: number
  readonly acknowledged: number
  readonly doubtful: number
  readonly events: number
  readonly rows: number
  readonly hostile: Hostile.Hostility["counts"]
  readonly audit: Auditor.Audit
}

/** An operation was not done in its time. */
class Overdue extends Data.TaggedError("Overdue")<{ readonly what: string }> {
  override get message() {
    return `${this.what} takes too long`
  }
}

const HOSTS = 3

/** Far longer than recovery, leases and new connections take. */
const QUIET = Duration.seconds(60)

/** Returns the numbers of wrong commands, events and rows. */
export const failures = ({ audit: { violations } }: Torture) => {
  const of = (...invariants: ReadonlyArray<number>) =>
    violations.filter(({ invariant }) => invariants.includes(invariant)).length
  return {
    "acknowledged commands lost": of(3),
    "commands duplicated": of(6),
    "events missed or reordered by subscribers": of(4, 5),
    "rows different": of(10, 11),
    "states, streams and events different": of(1, 2, 8, 9, 12),
    "alterations of the log let through": of(13),
    other: of(0, 14)
  }
}

/**
 * Runs the attacks one after the other while orders are in work, until there is none left.
 * `attacks`: returns the next one, given the number of answered commands. `broken`: the hosts
 * repeat commands without their ids, and may alter the log. `hostile`: users of the same database
 * attack it meanwhile by their own means.
 */
export const torture = Effect.fnUntraced(function* (
  attacks: (answered: () => number) => Effect.Effect<Option.Option<Attacks.Kind>>,
  {
    broken = false,
    hostile = false
  }: { readonly broken?: boolean; readonly hostile?: boolean } = {}
) {
  const server = yield* PostgresServer.restartable
  const url = yield* PostgresServer.freshDatabase.pipe(
    Effect.provideService(PostgresServer.PostgresServer, server)
  )
  const client = yield* Layer.build(
    PgClient.layer({ url, maxConnections: 4, applicationName: Attacks.ADMIN })
  )
  // A store needs an existing log.
  const shop = yield* Users.deploy(url).pipe(Effect.provideContext(client))
  const context = yield* Layer.build(
    Layer.mergeAll(
      EventStorePostgres.layer,
      ReadModelStorePostgres.layer,
      SnapshotStorePostgres.layer
    ).pipe(Layer.provideMerge(Layer.succeedContext(client)))
  )
  const events = Context.get(context, EventStore)
  const admin = Context.get(context, SqlClient)
  if (broken) yield* Users.spoil.pipe(Effect.provideContext(context))
  const user = yield* Layer.build(
    PgClient.layer({ url: shop, maxConnections: 1, applicationName: Attacks.ADMIN })
  ).pipe(Effect.map((built) => Context.get(built, SqlClient)))
  const hosts = yield* Effect.forEach([0, 1, 2].slice(0, HOSTS), (number) =>
    Host.make(number, shop, { forgetful: broken })
  )
  yield* Effect.forkScoped(
    Effect.repeat(
      Effect.sync(() => hosts.forEach(({ start }) => start())),
      Schedule.spaced("100 millis")
    )
  )
  yield* until(
    "all hosts being ready",
    Effect.sync(() => hosts.every(({ isReady }) => isReady()))
  )

  const clients = yield* Clients.make(hosts)
  const prefixes: Array<{ upTo: bigint; ids: ReadonlyArray<string> }> = []
  const log = Stream.runCollect(events.readAll({ categories: [aggregate.category] })).pipe(
    Effect.retry(Schedule.spaced("100 millis"))
  )
  const work = yield* Effect.forkScoped(clients.work)
  const battle = yield* Scope.fork(yield* Effect.scope)
  const hostility = hostile
    ? yield* Effect.flatMap(Users.hostiles(url), (users) => Hostile.run(users, clients.open)).pipe(
        Effect.provideContext(client),
        Scope.provide(battle)
      )
    : Hostile.peace()
  const looking = yield* Effect.forkScoped(
    Effect.repeat(
      Effect.map(log, (read) => {
        const upTo = read.at(-1)?.position
        if (upTo !== undefined) prefixes.push({ upTo, ids: read.map(({ id }) => id) })
      }),
      Schedule.spaced("3 seconds")
    )
  )

  // It continues until it is stopped: an earlier end is an error.
  const worked = Effect.andThen(Fiber.join(work), Effect.never)
  const done = new Map<Attacks.Kind, number>()
  const wrong: Array<string> = []
  const answered = () => clients.sent.filter(({ answers }) => answers.length > 0).length
  for (;;) {
    const kind = yield* Effect.timeoutOrElse(Effect.raceFirst(attacks(answered), worked), {
      duration: QUIET,
      orElse: () => new Overdue({ what: "answering some more commands" })
    })
    if (Option.isNone(kind)) break
    const field = {
      hosts,
      server,
      admin,
      freezesMillis: [1_200, 2_500],
      pick: clients.pick,
      report: (found: ReadonlyArray<string>) => wrong.push(...found)
    }
    // An observing session ends with the server too.
    yield* Effect.retry(Attacks.attack(kind.value, field), {
      schedule: Schedule.spaced("200 millis"),
      times: 50
    })
    done.set(kind.value, (done.get(kind.value) ?? 0) + 1)
  }
  yield* Scope.close(battle, Exit.void)
  yield* Hostile.leave(admin)
  clients.stop()
  yield* Fiber.interrupt(looking)
  yield* Effect.timeoutOrElse(Fiber.join(work), {
    duration: QUIET,
    orElse: () => new Overdue({ what: "answering the last commands" })
  })
  yield* until(
    "all hosts being ready",
    Effect.sync(() => hosts.every(({ isReady }) => isReady()))
  )

  // Its session may have been ended.
  const alterations = yield* Effect.retry(Users.alter(user), {
    schedule: Schedule.spaced("200 millis"),
    times: 50
  })
  const recorded = yield* log
  const overdue: Array<string> = []
  yield* until(
    "giving all to the subscribers",
    Effect.sync(() => hosts.every(({ given }) => given.length >= recorded.length))
  ).pipe(Effect.catchTag("Overdue", ({ message }) => Effect.sync(() => overdue.push(message))))

  const runner = yield* Layer.build(
    Projections.layerRunner({ async: behind, inline: [inlineSummaries] })
  ).pipe(
    Effect.map((built) => Context.get(built, Projections)),
    Effect.provideContext(context)
  )
  const head = yield* events.head
  const rows: Array<Auditor.Observations["rows"][number]> = []
  const find = Effect.fnUntraced(function* (way: string) {
    for (const projection of behind) {
      const found = yield* Stream.runCollect(ReadModel.query(projection, {}))
      rows.push({ projection, way, rows: found })
    }
    const found = yield* Stream.runCollect(ReadModel.query(inlineSummaries, {}))
    rows.push({ projection: summaries, way: `${way}, by the appends`, rows: found })
  }, Effect.provideContext(context))
  const names = [...behind, inlineSummaries].map(({ name }) => name)
  for (const name of names) {
    yield* Restored.keptUp(runner, name, head, QUIET).pipe(
      Effect.catchTag(["WaitTimedOut", "ProjectionStopped"], ({ message }) =>
        Effect.sync(() => overdue.push(message))
      )
    )
  }
  yield* find("stored")
  for (const projection of behind) {
    const onDemand = yield* OnDemandProjection.tableAt(projection).pipe(
      Effect.provideContext(context)
    )
    rows.push({ projection, way: "folded on demand", rows: onDemand })
  }
  for (const { name } of behind) yield* Stream.runDrain(runner.rebuild(name))
  yield* find("rebuilt")

  const handler = yield* Layer.build(CommandHandler.layerSnapshots(SnapshotPolicy.never)).pipe(
    Effect.map((built) => Context.get(built, CommandHandler)),
    Effect.provideContext(context)
  )
  const ids = new Set(recorded.map(({ streamId }) => StreamId.id(streamId)))
  const folds = yield* Effect.forEach(ids, (id) =>
    Effect.map(handler.load(aggregate, id), ({ revision, state }) => ({
      category: aggregate.category,
      id,
      revision,
      state
    }))
  )
  const audit = Auditor.audit([Auditor.of(aggregate, modelOf(recorded))], {
    sent: clients.sent,
    together: [],
    reactors: [],
    processes: [],
    lost: [],
    endMillis: undefined,
    log: recorded,
    loads: clients.loads,
    folds,
    prefixes,
    subscribers: new Map(hosts.map(({ given }, number) => [`of host ${number}`, given])),
    rows,
    overdue
  })
  const rowCount = rows.reduce((sum, { rows: found }) => sum + found.length, 0)
  const restored = yield* Effect.gen(function* () {
    const before = { sent: clients.sent.length, loads: clients.loads.length }
    const lost = yield* Restored.restore(admin)
    clients.begin()
    const again = yield* Effect.forkScoped(clients.work)
    yield* until(
      "answering some commands on a restored log",
      Effect.sync(() => clients.sent.length >= before.sent + 100)
    )
    clients.stop()
    yield* Effect.timeoutOrElse(Fiber.join(again), {
      duration: QUIET,
      orElse: () => new Overdue({ what: "answering the last commands on a restored log" })
    })
    for (const name of names) wrong.push(...(yield* Restored.rebuilt(runner, name)))
    const end = yield* events.head
    for (const name of names) yield* Restored.keptUp(runner, name, end, QUIET)
    rows.length = 0
    yield* find("stored after a restore")
    const left = yield* log
    if (lost.size === 0) wrong.push("no event was lost by a restore")
    return Auditor.audit([Auditor.of(aggregate, modelOf(left))], {
      together: [],
      reactors: [],
      processes: [],
      lost: [],
      endMillis: undefined,
      // An earlier acknowledgement may be lost by now.
      sent: clients.sent.map((one, index) =>
        index < before.sent ? { ...one, answers: [], doubtful: true } : one
      ),
      log: left,
      loads: clients.loads.slice(before.loads),
      folds: [],
      prefixes: [],
      subscribers: new Map(),
      rows,
      overdue: []
    })
  })
  const further = [
    ...restored.violations,
    ...wrong.map((message) => ({ invariant: 3, message })),
    ...hostility.wrong.map((message) => ({ invariant: 13, message })),
    ...(yield* Sound.look(admin)).map((message) => ({ invariant: 1, message })),
    ...alterations
      .filter(({ refused }) => !refused)
      .map(({ statement }) => ({ invariant: 13, message: `hosts may ${statement}` })),
    ...clients.unexpectedErrors.map((message) => ({ invariant: 0, message }))
  ]
  const result: Torture = {
    attacks: done,
    commands: clients.sent.length,
    acknowledged: clients.sent.filter(({ answers }) =>
      answers.some(({ _tag }) => _tag === "Accepted")
    ).length,
    doubtful: clients.sent.filter(({ doubtful }) => doubtful).length,
    events: recorded.length,
    rows: rowCount,
    hostile: hostility.counts,
    audit: {
      violations: [...audit.violations, ...further],
      checks: new Map([...audit.checks, [13, alterations.length]])
    }
  }
  return result
})

/**
 * The expected results of the commands, with the read model whose rows some events make too large.
 */
const modelOf = (log: ReadonlyArray<RecordedEvent>): typeof model => ({
  ...model,
  rows: (accepted) => new Map(model.rows?.(accepted)).set(heavy.name, heavyRows(log))
})

const until = <E>(what: string, condition: Effect.Effect<boolean, E>) =>
  Effect.repeat(condition, {
    until: (holds) => holds,
    schedule: Schedule.spaced("20 millis")
  }).pipe(
    Effect.timeoutOrElse({ duration: QUIET, orElse: () => new Overdue({ what }) }),
    Effect.asVoid
  )
