/**
 * Orders on a replicated cluster whose primary is attacked, with writers and every kind of consumer
 * at work; and an audit of the results.
 */
import { aggregate } from "@daybook/order/Order"
import type { EventId } from "@daybook/kernel/EventId"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as StreamId from "@daybook/kernel/StreamId"
import * as OnDemandProjection from "@daybook/projections/OnDemandProjection"
import { Projections } from "@daybook/projections/Projections"
import * as ReadModel from "@daybook/projections/ReadModel"
import * as ReadModelMigrations from "@daybook/projections/ReadModelMigrations"
import * as ReadModelStorePostgres from "@daybook/projections/ReadModelStorePostgres"
import { ConsumerGroups } from "@daybook/reactors/ConsumerGroups"
import * as ConsumerGroupsPostgres from "@daybook/reactors/ConsumerGroupsPostgres"
import * as ReactorMigrations from "@daybook/reactors/ReactorMigrations"
import { EventStore } from "@daybook/store/EventStore"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as Postgres from "@daybook/store/Postgres"
import * as PostgresMigrations from "@daybook/store/PostgresMigrations"
import * as PostgresServers from "@daybook/store/PostgresServers"
import * as PostgresCluster from "@daybook/testing/PostgresCluster"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { isDeepStrictEqual } from "node:util"
import { ofOrders } from "../projections.ts"
import * as Attacks from "./attacks.ts"
import * as Consumers from "./consumers.ts"
import * as Host from "./host.ts"

/** Something did not happen in time. */
class Overdue extends Data.TaggedError("Overdue")<{ readonly what: string }> {
  override get message() {
    return `${this.what} takes too long`
  }
}

const HOSTS = 3

/** Far longer than a failover, leases and a catch-up take. */
const QUIET = Duration.seconds(120)

export interface Outcome {
  readonly attacks: ReadonlyMap<Attacks.Kind, number>
  readonly events: number
  readonly acknowledged: number
  readonly failovers: number
  /** The acknowledged appends that are not in the log. */
  readonly lost: number
  /** The times that a consumer told of a checkpoint which does not fit. */
  readonly noticed: number
  /** Numbers that must be 0; `acknowledged appends lost` only with a quorum. */
  readonly failures: Readonly<Record<string, number>>
  readonly messages: ReadonlyArray<string>
}

/** Runs one attack after the other until there is none left, and compares the results. */
export const torture = Effect.fnUntraced(function* (
  quorum: 0 | 1,
  next: Effect.Effect<Option.Option<Attacks.Kind>>
) {
  const cluster = yield* PostgresCluster.make({ quorum })
  const random = yield* Random.Random
  // The index is in range.
  const pick = <A>(members: ReadonlyArray<A>) =>
    members[Math.floor(random.nextDoubleUnsafe() * members.length)] as A
  const url = cluster.url("postgres")
  const context = yield* Layer.build(
    Layer.mergeAll(Projections.layerRunner({ async: ofOrders }), ConsumerGroupsPostgres.layer).pipe(
      Layer.provideMerge(Layer.mergeAll(EventStorePostgres.layer, ReadModelStorePostgres.layer)),
      Layer.provideMerge(
        Layer.mergeAll(PostgresMigrations.layer, ReadModelMigrations.layer, ReactorMigrations.layer)
      ),
      Layer.provideMerge(Postgres.layerOf({ url, maxConnections: 6 }))
    )
  )
  const events = Context.get(context, EventStore)
  const runner = Context.get(context, Projections)
  const groups = Context.get(context, ConsumerGroups)
  const hosts = yield* Effect.forEach(Array.from({ length: HOSTS }), () => Host.make(url))
  yield* Effect.forkScoped(
    Effect.repeat(
      Effect.sync(() => hosts.forEach(({ start }) => start())),
      Schedule.spaced("100 millis")
    )
  )
  const allReady = until(
    "all hosts being ready",
    Effect.sync(() => hosts.every(({ isReady }) => isReady()))
  )
  yield* allReady
  const progress = () => hosts.reduce((sum, { reports }) => sum + reports.acknowledged.length, 0)
  const further = (count: number) =>
    Effect.suspend(() => {
      const from = progress()
      return until(
        "acknowledging some more commands",
        Effect.sync(() => progress() - from >= count)
      )
    })

  const field: Attacks.Battlefield = { cluster, hosts, primary: cluster.members[0] }
  const attacks = new Map<Attacks.Kind, number>()
  while (true) {
    yield* further(20)
    const kind = yield* next
    if (Option.isNone(kind)) break
    yield* Attacks.attack(kind.value, field, pick)
    attacks.set(kind.value, (attacks.get(kind.value) ?? 0) + 1)
  }
  yield* further(20)
  yield* allReady
  for (const { rest } of hosts) rest()
  yield* until(
    "the writers coming to rest",
    Effect.sync(() => {
      // A host that was killed meanwhile is told again.
      for (const { isResting, rest } of hosts) if (!isResting()) rest()
      return hosts.every(({ isResting }) => isResting())
    })
  )

  const patiently = <A, E>(effect: Effect.Effect<A, E>) =>
    Effect.retry(effect, { schedule: Schedule.spaced("100 millis"), times: 100 })
  const log = yield* patiently(
    Stream.runCollect(events.readAll({ categories: [aggregate.category] }))
  )
  const messages: Array<string> = []
  let noticed = 0
  const orOverdue = <E>(effect: Effect.Effect<void, E | Overdue>) =>
    Effect.catchIf(
      effect,
      (error) => error instanceof Overdue,
      ({ message }) => Effect.sync(() => void messages.push(message))
    )
  const last = log.at(-1)
  yield* until(
    "giving all events to the subscribers",
    Effect.sync(() =>
      hosts.every(({ reports }) => {
        const session = reports.sessions.at(-1)
        return (session?.after?.position ?? 0n) >= (last?.position ?? 0n)
      })
    )
  ).pipe(orOverdue)
  for (const name of [Consumers.REACTOR, Consumers.PUBLISHER]) {
    const isUpToDate = Effect.gen(function* () {
      const { lagEvents, state } = yield* groups.status(name)
      if (state === "off history") {
        noticed++
        yield* groups.restart(name, { from: "beginning" })
      }
      return state === "live" && lagEvents === 0
    })
    yield* until(`${name} handling all events`, patiently(isUpToDate)).pipe(orOverdue)
  }
  const head = yield* patiently(events.checkpoint)
  let wrongRows = 0
  for (const projection of ofOrders) {
    const isUpToDate = Effect.gen(function* () {
      const { mismatch, position } = yield* runner.status(projection.name)
      if (Option.isSome(mismatch)) {
        noticed++
        yield* Stream.runDrain(runner.rebuild(projection.name))
        return false
      }
      return position >= head.position
    })
    yield* until(`${projection.name} being up to date`, patiently(isUpToDate)).pipe(orOverdue)
    const found = yield* patiently(
      Effect.all([
        Stream.runCollect(ReadModel.query(projection, {})),
        OnDemandProjection.tableAt(projection)
      ]).pipe(Effect.provideContext(context))
    )
    wrongRows += differences(...found)
  }
  const reports = hosts.map((host) => host.reports)
  const rejected = reports.reduce((sum, one) => sum + one.rejected, 0)
  const { failures, lost } = audit(log, reports, messages)
  const status = yield* PostgresServers.status.pipe(Effect.provideContext(context))
  const outcome: Outcome = {
    attacks,
    events: log.length,
    acknowledged: progress(),
    failovers: Option.match(status, { onNone: () => 0, onSome: (found) => found.failovers }),
    lost,
    noticed:
      noticed +
      reports.reduce(
        (sum, { sessions, told }) =>
          sum + told.length + sessions.filter(({ isMismatched }) => isMismatched).length,
        0
      ),
    failures: {
      "acknowledged appends lost": quorum === 1 ? lost : 0,
      "commands rejected after an acknowledged one": quorum === 1 ? rejected : 0,
      ...failures,
      "rows different": wrongRows,
      "consumers overdue": messages.length
    },
    messages: [...messages, ...reports.flatMap(({ failed }) => failed)]
  }
  return outcome
})

/** Compares the reports of the hosts with the log that is left. */
const audit = (
  log: ReadonlyArray<RecordedEvent>,
  reports: ReadonlyArray<Host.Reports>,
  messages: Array<string>
) => {
  const places = new Map(log.map(({ id }, index): [EventId, number] => [id, index]))
  const byStream = new Map<string, Array<RecordedEvent>>()
  for (const event of log) {
    const id = StreamId.id(event.streamId)
    byStream.set(id, [...(byStream.get(id) ?? []), event])
  }
  const lost = reports.flatMap(({ acknowledged }) =>
    acknowledged.filter(
      ({ order, position, revision }) => byStream.get(order)?.[revision - 1]?.position !== position
    )
  ).length
  const sent = new Map(reports.flatMap((one) => Array.from(one.sent)))
  let gaps = 0
  let repeated = 0
  for (const [id, found] of byStream) {
    if (found.some(({ revision }, index) => revision !== index + 1)) gaps++
    // Each command records one event at most.
    repeated += Math.max(0, found.length - (sent.get(id) ?? 0))
  }
  let silent = 0
  let missed = 0
  for (const { given, isMismatched } of reports.flatMap(({ sessions }) => sessions)) {
    // A session that was ended by a mismatch has noticed.
    if (isMismatched) continue
    const strange = given.filter((id) => !places.has(id))
    silent += strange.length
    const kept = given.filter((id) => places.has(id))
    missed += kept.filter((id, index) => places.get(id) !== index).length
    if (strange.length > 0) messages.push(`a subscriber keeps ${strange.length} lost events`)
  }
  const handled = (
    of: (one: Host.Reports) => ReadonlySet<string>,
    id: (event: EventId) => string
  ) => log.filter((event) => !reports.some((one) => of(one).has(id(event.id)))).length
  return {
    lost,
    failures: {
      "revisions with a gap": gaps,
      "commands recorded twice": repeated,
      "losses that a subscriber did not notice": silent,
      "events missed or reordered by subscribers": missed,
      "events without a reaction": handled(
        ({ reacted }) => reacted,
        (id) => id
      ),
      "events without a message": handled(({ published }) => published, Consumers.messageOf),
      "other errors": reports.reduce((sum, { failed }) => sum + failed.length, 0)
    }
  }
}

/** Returns the number of rows that are in one list and not in the other. */
const differences = (some: ReadonlyArray<unknown>, others: ReadonlyArray<unknown>): number => {
  const left = [...others]
  let count = 0
  for (const row of some) {
    const at = left.findIndex((other) => isDeepStrictEqual(other, row))
    if (at < 0) count++
    else left.splice(at, 1)
  }
  return count + left.length
}

const until = <E>(what: string, condition: Effect.Effect<boolean, E>) =>
  Effect.repeat(condition, {
    until: (holds) => holds,
    schedule: Schedule.spaced("50 millis")
  }).pipe(
    Effect.timeoutOrElse({ duration: QUIET, orElse: () => Effect.fail(new Overdue({ what })) }),
    Effect.asVoid
  )
