/**
 * A standby without the last events is promoted: every consumer that has passed a lost event
 * notices it, and none misses an event of the new history.
 */
import * as Projection from "@daybook/kernel/Projection"
import * as StreamId from "@daybook/kernel/StreamId"
import { Projections } from "@daybook/projections/Projections"
import * as ReadModel from "@daybook/projections/ReadModel"
import * as ReadModelMigrations from "@daybook/projections/ReadModelMigrations"
import * as ReadModelStorePostgres from "@daybook/projections/ReadModelStorePostgres"
import * as RunnerSettings from "@daybook/projections/RunnerSettings"
import type { Broker } from "@daybook/publishing/Broker"
import * as BrokerMemory from "@daybook/publishing/BrokerMemory"
import * as Publisher from "@daybook/publishing/Publisher"
import { ConsumerGroups, GroupSettings } from "@daybook/reactors/ConsumerGroups"
import * as ConsumerGroupsPostgres from "@daybook/reactors/ConsumerGroupsPostgres"
import * as Reactor from "@daybook/reactors/Reactor"
import * as ReactorMigrations from "@daybook/reactors/ReactorMigrations"
import { Reactors } from "@daybook/reactors/Reactors"
import { CheckpointMismatch } from "@daybook/store/Checkpoint"
import { CommandHandler } from "@daybook/store/CommandHandler"
import { EventStore } from "@daybook/store/EventStore"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as Postgres from "@daybook/store/Postgres"
import * as PostgresMigrations from "@daybook/store/PostgresMigrations"
import * as PostgresCluster from "@daybook/testing/PostgresCluster"
import { assert, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import type * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import { SqlClient } from "effect/sql/SqlClient"
import * as Stream from "effect/Stream"
import * as Account from "./Account.ts"

const accounts = Projection.define({
  name: "accounts",
  version: 1,
  from: [Account.aggregate],
  row: Schema.Struct({ account: Schema.String, events: Schema.Int }),
  primaryKey: ["account"]
}).fold({
  keys: (_event, { streamId }) => [{ account: StreamId.id(streamId) }],
  initial: ({ account }) => ({ account, events: 0 }),
  apply: (row) => ({ ...row, events: row.events + 1 })
})

/**
 * Longer than a failover takes on a slow machine: a consumer whose lease ends begins at its stored
 * checkpoint, which has gone with the lost events, and so has nothing to tell.
 */
const LEASE = "60 seconds"

const publisher = Publisher.make({
  name: "published",
  origin: "/accounts",
  sources: [Account.aggregate],
  toMessages: (_event, { streamId }) => [
    { topic: "accounts", type: "account.changed", data: StreamId.id(streamId) }
  ]
})

/** A host with a consumer of each kind, on the servers of a URL. */
const start = Effect.fnUntraced(function* (url: Redacted.Redacted<string>) {
  const reacted: Array<string> = []
  const subscribed: Array<string> = []
  const logged: Array<string> = []
  const reactor = Reactor.make({
    name: "reacted",
    categories: [Account.aggregate.category],
    react: ({ streamId }) => Effect.sync(() => void reacted.push(StreamId.id(streamId)))
  })
  const written = Reactor.make({
    name: "written",
    categories: [Account.aggregate.category],
    transactional: true,
    react: ({ streamId }) =>
      Effect.flatMap(SqlClient, (sql) => sql`INSERT INTO written VALUES (${StreamId.id(streamId)})`)
  })
  const database = Layer.mergeAll(
    PostgresMigrations.layer,
    ReadModelMigrations.layer,
    ReactorMigrations.layer
  ).pipe(Layer.provideMerge(Postgres.layerOf({ url, maxConnections: 8 })))
  const stores = Layer.mergeAll(ReadModelStorePostgres.layer, BrokerMemory.layer).pipe(
    Layer.provideMerge(EventStorePostgres.layer),
    Layer.provideMerge(database)
  )
  const logger = Logger.make(({ cause, message }) => {
    logged.push([String(message), Cause.pretty(cause)].join("\n"))
  })
  const stored = yield* Layer.build(stores).pipe(Effect.provide(Logger.layer([logger])))
  yield* Context.get(stored, SqlClient)`CREATE TABLE written (account text NOT NULL)`
  const context = yield* Layer.build(
    Layer.mergeAll(
      CommandHandler.layer,
      Projections.layerRunner({ async: [accounts] }).pipe(
        Layer.provide(
          Layer.succeed(RunnerSettings.RunnerSettings, {
            ...RunnerSettings.defaults,
            lease: LEASE,
            pollInterval: "100 millis"
          })
        )
      ),
      Reactors.layer<SqlClient | Broker>([reactor, written, publisher]).pipe(
        Layer.provideMerge(ConsumerGroupsPostgres.layer),
        Layer.provide(Layer.succeed(GroupSettings, { lease: LEASE }))
      )
    ).pipe(Layer.provideMerge(Layer.succeedContext(stored)))
  ).pipe(Effect.provide(Logger.layer([logger])))
  const handler = Context.get(context, CommandHandler)
  const events = Context.get(context, EventStore)
  const subscription = yield* Effect.forkScoped(
    Stream.runForEach(events.subscribe(), ({ streamId }) =>
      Effect.sync(() => subscribed.push(StreamId.id(streamId)))
    )
  )
  const broker = Context.get(context, BrokerMemory.BrokerMemory)
  const sql = Context.get(context, SqlClient)
  /** The accounts that each consumer has handled, with repetitions. */
  const handled = Effect.gen(function* () {
    const rows = yield* Stream.runCollect(ReadModel.query(accounts, {}))
    const inserted = yield* sql<{ readonly account: string }>`SELECT account FROM written`
    return {
      subscribed,
      reacted,
      accounts: rows.map(({ account }) => account),
      written: inserted.map(({ account }) => account),
      published: (yield* broker.stored("accounts")).map(({ key }) =>
        StreamId.id(StreamId.StreamId.make(key))
      )
    }
  }).pipe(Effect.provideContext(context), Effect.retry(Schedule.spaced("100 millis")))
  const groups = Context.get(context, ConsumerGroups)
  const runner = Context.get(context, Projections)
  /** Waits until the checkpoints of all consumers are at the end of the log. */
  const committed = Effect.gen(function* () {
    const head = yield* events.head
    const { position } = yield* runner.status(accounts.name)
    const statuses = yield* Effect.forEach([reactor, written, publisher], ({ group }) =>
      groups.status(group.name)
    )
    return position >= head && statuses.every(({ state }) => state === "live")
  }).pipe(
    Effect.repeat({ until: (is) => is, schedule: Schedule.spaced("50 millis") }),
    Effect.asVoid
  )
  return {
    committed,
    events,
    handled,
    logged,
    subscription,
    openAccounts: (names: ReadonlyArray<string>) =>
      Effect.forEach(
        names,
        (name) => handler.execute(Account.aggregate, name, { _tag: "Open", owner: name }),
        { concurrency: 4, discard: true }
      ),
    /** Waits until consumers have handled all of these accounts. */
    until: (names: ReadonlyArray<string>, consumers: ReadonlyArray<keyof Handled>) =>
      Effect.repeat(handled, {
        until: (found) =>
          consumers.every((one) => names.every((name) => found[one].includes(name))),
        schedule: Schedule.spaced("50 millis")
      })
  }
})

type Handled = Effect.Success<Effect.Success<ReturnType<typeof start>>["handled"]>

const all = ["subscribed", "reacted", "accounts", "written", "published"] as const

const named = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, index) => `${prefix}${index}`)

for (const [name, end] of [
  ["is killed", (primary: PostgresCluster.Member) => primary.kill],
  ["hangs", (primary: PostgresCluster.Member) => primary.freeze],
  ["lives on", () => Effect.void]
] as const) {
  it.live(
    `tells every consumer of lost events, and gives it all others, when the primary ${name}`,
    () =>
      Effect.gen(function* () {
        const cluster = yield* PostgresCluster.make({ quorum: 0 })
        const [a, b, c] = cluster.members
        const host = yield* start(cluster.url("postgres"))
        const kept = named("kept", 10)
        yield* host.openAccounts(kept)
        yield* host.until(kept, all)
        yield* cluster.caughtUp(b, a)
        yield* b.cut
        yield* c.cut
        const lost = named("lost", 5)
        yield* host.openAccounts(lost)
        yield* host.until(lost, all)
        yield* host.committed

        yield* end(a)
        yield* b.promote
        // Where the old primary lives on, it may take some of them until it is found out.
        const exit = yield* Fiber.await(host.subscription)
        const after = named("after", 5)
        yield* host.openAccounts(after)
        yield* host.until(after, ["reacted", "accounts", "written", "published"])

        const mismatch = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
        assert.instanceOf(mismatch, CheckpointMismatch)
        assert.include(["PastHead", "OtherEvent"], mismatch.reason._tag)
        const told = (beginning: string) =>
          host.logged.filter(
            (text) => text.startsWith(beginning) && /is past the head|log \S+ ended with/.test(text)
          )
        const says = (beginning: string) => host.logged.some((text) => text.startsWith(beginning))
        const rows = "accounts stopped, for its rows are of another history"
        assert.isNotEmpty(told(rows), host.logged.join("\n"))
        for (const reactor of ["reacted", "written", "published"]) {
          const begins = `Reactor ${reactor} begins again`
          // One whose commit was under way goes back to its stored checkpoint, which lies before the
          // lost events: its host tells of them.
          const isTold =
            told(begins).length > 0 ||
            (says(begins) && says("The primary has lost 5 events that this host has read"))
          assert.isTrue(isTold, host.logged.join("\n"))
        }

        const recorded = yield* Stream.runCollect(host.events.readAll())
        const names = recorded.map(({ streamId }) => StreamId.id(streamId))
        assert.deepStrictEqual(names.toSorted(), [...kept, ...after].toSorted())
        // What is stored beside the log has gone with it.
        const found = yield* host.handled
        assert.deepStrictEqual(found.accounts.toSorted(), [...kept, ...after].toSorted())
        assert.deepStrictEqual(found.written.toSorted(), [...kept, ...after].toSorted())
      }).pipe(Effect.scoped),
    120_000
  )
}
