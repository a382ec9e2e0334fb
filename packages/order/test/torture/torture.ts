/**
 * Orders on several processes and a real server, all of which are attacked; and the audit of what came of it.
 */
import * as CommandId from "@daybook/kernel/CommandId"
import { aggregate } from "@daybook/order/Order"
import type { OrderCommand } from "@daybook/order/OrderCommand"
import type { OrderState } from "@daybook/order/OrderState"
import * as LiveProjection from "@daybook/projections/LiveProjection"
import { Projections } from "@daybook/projections/Projections"
import * as ReadModel from "@daybook/projections/ReadModel"
import * as ReadModelStorePostgres from "@daybook/projections/ReadModelStorePostgres"
import { CommandHandler } from "@daybook/store/CommandHandler"
import { EventStore } from "@daybook/store/EventStore"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as SnapshotPolicy from "@daybook/store/SnapshotPolicy"
import * as SnapshotStorePostgres from "@daybook/store/SnapshotStorePostgres"
import * as StreamId from "@daybook/kernel/StreamId"
import * as Auditor from "@daybook/testing/Auditor"
import * as PostgresServer from "@daybook/testing/PostgresServer"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Arbitrary from "effect/Arbitrary"
import * as Context from "effect/Context"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Data from "effect/Data"
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Random from "effect/Random"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import { SqlClient } from "effect/sql/SqlClient"
import * as Stream from "effect/Stream"
import { orders } from "../orderSimulation.ts"
import * as Attacks from "./attacks.ts"
import * as Host from "./host.ts"
import * as Users from "./users.ts"
import { behind, inlineSummaries, summaries } from "./projections.ts"

interface Torture {
  readonly attacks: ReadonlyMap<Attacks.Kind, number>
  readonly commands: number
  readonly acknowledged: number
  readonly doubtful: number
  readonly events: number
  readonly rows: number
  readonly audit: Auditor.Audit
}

/** What should be done was not, in its time. */
class Overdue extends Data.TaggedError("Overdue")<{ readonly what: string }> {
  override get message() {
    return `${this.what} takes too long`
  }
}

interface Letter extends Auditor.Sent<OrderCommand, OrderState> {
  readonly answers: Array<Auditor.Answer<OrderState>>
  doubtful: boolean
}

const HOSTS = 3
const CLERKS = 12
/** So many orders are worked on at a time, each until it has had so many commands. */
const OPEN = 6
const COMMANDS_EACH = 24

/** Far more than recovery, leases and new connections take. */
const QUIET = Duration.seconds(60)

/** How many commands, events and rows are not as they must be. */
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
 * Runs the attacks one after the other while orders are worked on, until there is none. `attacks`: the next one, given how many commands
 * have been answered. `broken`: the hosts try again without the ids of commands, and may alter the log.
 */
export const torture = Effect.fnUntraced(function* (
  attacks: (answered: () => number) => Effect.Effect<Option.Option<Attacks.Kind>>,
  { broken = false }: { readonly broken?: boolean } = {}
) {
  const server = yield* PostgresServer.restartable
  const url = yield* PostgresServer.freshDatabase.pipe(
    Effect.provideService(PostgresServer.PostgresServer, server)
  )
  const own = Layer.mergeAll(
    EventStorePostgres.layer,
    ReadModelStorePostgres.layer,
    SnapshotStorePostgres.layer
  ).pipe(
    Layer.provideMerge(PgClient.layer({ url, maxConnections: 4, applicationName: Attacks.ADMIN }))
  )
  const context = yield* Layer.build(own)
  const events = Context.get(context, EventStore)
  const admin = Context.get(context, SqlClient)
  const shop = yield* Users.deploy(url).pipe(Effect.provideContext(context))
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

  const clerks = yield* makeClerks(hosts)
  const prefixes: Array<{ upTo: bigint; ids: ReadonlyArray<string> }> = []
  const log = Stream.runCollect(events.readAll({ categories: [aggregate.category] })).pipe(
    Effect.retry(Schedule.spaced("100 millis"))
  )
  const work = yield* Effect.forkScoped(clerks.work)
  const looking = yield* Effect.forkScoped(
    Effect.repeat(
      Effect.map(log, (read) => {
        const upTo = read.at(-1)?.position
        if (upTo !== undefined) prefixes.push({ upTo, ids: read.map(({ id }) => id) })
      }),
      Schedule.spaced("3 seconds")
    )
  )

  // It goes on until it is stopped: what ends it before is an error of it.
  const worked = Effect.andThen(Fiber.join(work), Effect.never)
  const done = new Map<Attacks.Kind, number>()
  const answered = () => clerks.sent.filter(({ answers }) => answers.length > 0).length
  for (;;) {
    const kind = yield* Effect.timeoutOrElse(Effect.raceFirst(attacks(answered), worked), {
      duration: QUIET,
      orElse: () => new Overdue({ what: "answering some more commands" })
    })
    if (Option.isNone(kind)) break
    const field = { hosts, server, admin, pick: clerks.pick }
    // A session that looks on is ended too when the server is.
    yield* Effect.retry(Attacks.attack(kind.value, field), {
      schedule: Schedule.spaced("200 millis"),
      times: 50
    })
    done.set(kind.value, (done.get(kind.value) ?? 0) + 1)
  }
  clerks.stop()
  yield* Fiber.interrupt(looking)
  yield* Effect.timeoutOrElse(Fiber.join(work), {
    duration: QUIET,
    orElse: () => new Overdue({ what: "answering the last commands" })
  })
  yield* until(
    "all hosts being ready",
    Effect.sync(() => hosts.every(({ isReady }) => isReady()))
  )

  // Its session is one that was ended, maybe.
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
    Projections.layer({ async: behind, inline: [inlineSummaries] })
  ).pipe(
    Effect.map((built) => Context.get(built, Projections)),
    Effect.provideContext(context)
  )
  const head = yield* events.head
  const rows: Array<Auditor.Evidence<OrderCommand, OrderState>["rows"][number]> = []
  const find = Effect.fnUntraced(function* (way: string) {
    for (const projection of behind) {
      const found = yield* Stream.runCollect(ReadModel.query(projection, {}))
      rows.push({ projection, way, rows: found })
    }
    const found = yield* Stream.runCollect(ReadModel.query(inlineSummaries, {}))
    rows.push({ projection: summaries, way: `${way}, by the appends`, rows: found })
  }, Effect.provideContext(context))
  for (const { name } of [...behind, inlineSummaries]) {
    yield* runner
      .waitFor(name, head, QUIET)
      .pipe(
        Effect.catchTag("WaitTimedOut", ({ message }) => Effect.sync(() => overdue.push(message)))
      )
  }
  yield* find("kept")
  for (const projection of behind) {
    const live = yield* LiveProjection.tableAt(projection).pipe(Effect.provideContext(context))
    rows.push({ projection, way: "folded on demand", rows: live })
  }
  for (const { name } of behind) yield* Stream.runDrain(runner.rebuild(name))
  yield* find("rebuilt")

  const handler = yield* Layer.build(CommandHandler.layerSnapshots(SnapshotPolicy.never)).pipe(
    Effect.map((built) => Context.get(built, CommandHandler)),
    Effect.provideContext(context)
  )
  const ids = new Set(recorded.map(({ streamId }) => StreamId.id(streamId)))
  const folds = yield* Effect.forEach(ids, (id) =>
    Effect.map(handler.load(aggregate, id), ({ revision, state }) => ({ id, revision, state }))
  )
  const audit = Auditor.audit(aggregate, orders.model, {
    sent: clerks.sent,
    log: recorded,
    loads: clerks.loads,
    folds,
    prefixes,
    subscribers: new Map(hosts.map(({ given }, number) => [`of host ${number}`, given])),
    rows,
    overdue
  })
  const further = [
    ...alterations
      .filter(({ refused }) => !refused)
      .map(({ statement }) => ({ invariant: 13, message: `hosts may ${statement}` })),
    ...clerks.complaints.map((message) => ({ invariant: 0, message }))
  ]
  const result: Torture = {
    attacks: done,
    commands: clerks.sent.length,
    acknowledged: clerks.sent.filter(({ answers }) =>
      answers.some(({ _tag }) => _tag === "Accepted")
    ).length,
    doubtful: clerks.sent.filter(({ doubtful }) => doubtful).length,
    events: recorded.length,
    rows: rows.reduce((sum, { rows: found }) => sum + found.length, 0),
    audit: {
      violations: [...audit.violations, ...further],
      checks: new Map([...audit.checks, [13, alterations.length]])
    }
  }
  return result
})

const until = <E>(what: string, condition: Effect.Effect<boolean, E>) =>
  Effect.repeat(condition, {
    until: (holds) => holds,
    schedule: Schedule.spaced("20 millis")
  }).pipe(
    Effect.timeoutOrElse({ duration: QUIET, orElse: () => new Overdue({ what }) }),
    Effect.asVoid
  )

/** Errors of stores that are cut off; anything else is wrong. */
const EXPECTED = ["EventStoreError", "WrongExpectedRevision"]

const makeClerks = Effect.fnUntraced(function* (hosts: ReadonlyArray<Host.Host>) {
  const commands = yield* Arbitrary.sampleEffect(Arbitrary.schema(orders.command), { count: 200 })
  const seed = Redacted.make(SecureRandom.uuidV4Unsafe())
  const run = Redacted.value(seed).slice(0, 8)
  const sent: Array<Letter> = []
  const loads: Array<{ id: string; revision: number; state: OrderState }> = []
  const complaints: Array<string> = []
  const seen = new Map<string, OrderState>()
  const random = yield* Random.Random
  const clock = yield* Clock.Clock
  const shift = { over: false }
  let orderCount = 0
  const open = Array.from({ length: OPEN }, () => ({ id: `${run}-${++orderCount}`, commands: 0 }))
  // The index is one of theirs.
  const pick = <A>(members: ReadonlyArray<A>) =>
    members[Math.floor(random.nextDoubleUnsafe() * members.length)] as A

  const next = (): string => {
    const place = Math.floor(random.nextDoubleUnsafe() * OPEN)
    const order = open[place]
    if (order === undefined || order.commands++ >= COMMANDS_EACH) {
      open[place] = { id: `${run}-${++orderCount}`, commands: 1 }
    }
    return open[place]?.id ?? run
  }

  const write = (id: string): Letter => {
    const state = seen.get(id) ?? aggregate.decider.initialState
    let command = pick(commands)
    for (let look = 0; look < 8; look++) {
      if (Result.isSuccess(aggregate.decider.decide(command, state))) break
      command = pick(commands)
    }
    const letter: Letter = {
      id,
      command,
      commandId: CommandId.make(SecureRandom.uuidV4Unsafe()),
      occurredAt: DateTime.makeUnsafe(clock.currentTimeMillisUnsafe()),
      answers: [],
      doubtful: false
    }
    sent.push(letter)
    return letter
  }

  /** Whether it was answered. */
  const send = Effect.fnUntraced(function* (letter: Letter) {
    const { command, commandId, id, occurredAt } = letter
    const reply = yield* pick(hosts).ask({
      _tag: "Execute",
      id,
      commandId,
      command,
      occurredAt: occurredAt.epochMilliseconds
    })
    if (Option.isNone(reply)) {
      letter.doubtful = true
      return false
    }
    switch (reply.value._tag) {
      case "Accepted": {
        const { events, revision, state } = reply.value
        letter.answers.push({ _tag: "Accepted", revision, events, state })
        seen.set(id, state)
        return true
      }
      case "Rejected":
        letter.answers.push({ _tag: "Rejected" })
        return true
      case "Failed":
        letter.doubtful = true
        if (!EXPECTED.includes(reply.value.error)) {
          complaints.push(`${reply.value.error}: ${reply.value.message}`)
        }
        return false
      case "Loaded":
        return false
    }
  })

  const look = Effect.fnUntraced(function* (id: string) {
    const reply = yield* pick(hosts).ask({ _tag: "Load", id })
    if (Option.isNone(reply) || reply.value._tag !== "Loaded") return
    const { revision, state } = reply.value
    seen.set(id, state)
    loads.push({ id, revision, state })
  })

  const clerk = Effect.gen(function* () {
    while (!shift.over) {
      const id = next()
      if (random.nextDoubleUnsafe() < 0.1) yield* look(id)
      const letter = write(id)
      while (!(yield* send(letter))) yield* Effect.sleep("50 millis")
      // Somebody who did not hear the answer.
      if (random.nextDoubleUnsafe() < 0.05) yield* send(letter)
      yield* Effect.sleep(Duration.millis(random.nextDoubleUnsafe() * 30))
    }
  })

  return {
    sent,
    loads,
    complaints,
    pick,
    work: Effect.all(
      Array.from({ length: CLERKS }, () => clerk),
      { concurrency: "unbounded", discard: true }
    ),
    stop: () => {
      shift.over = true
    }
  }
})
