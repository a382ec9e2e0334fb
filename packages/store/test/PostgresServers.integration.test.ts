/**
 * A client with several servers in its URL follows the primary of a cluster.
 */
import * as EventId from "@daybook/kernel/EventId"
import * as StreamId from "@daybook/kernel/StreamId"
import type { EventStore } from "@daybook/store/EventStore"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import * as Postgres from "@daybook/store/Postgres"
import * as PostgresMigrations from "@daybook/store/PostgresMigrations"
import * as PostgresServers from "@daybook/store/PostgresServers"
import { NoPrimary } from "@daybook/store/PostgresStart"
import * as PostgresCluster from "@daybook/testing/PostgresCluster"
import * as PostgresServer from "@daybook/testing/PostgresServer"
import { assert, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import { SqlClient } from "effect/sql/SqlClient"
import * as Stream from "effect/Stream"

const addressOf = ({ port }: PostgresCluster.Member) => `127.0.0.1:${port}`

const open = Effect.fnUntraced(function* (url: Redacted.Redacted<string>) {
  const client = yield* Layer.build(Layer.fresh(Postgres.layerOf({ url, maxConnections: 4 })))
  const status = Effect.map(PostgresServers.status, Option.getOrThrow).pipe(
    Effect.provideContext(client)
  )
  return { client, status, sql: Context.get(client, SqlClient) }
})

/** Returns the URL with `target_session_attrs`. */
const asking = (url: Redacted.Redacted<string>, target: "read-write" | "primary") => {
  const changed = new URL(Redacted.value(url))
  changed.searchParams.set("target_session_attrs", target)
  return Redacted.make(changed.href)
}

const openStore = Effect.fnUntraced(function* (url: Redacted.Redacted<string>) {
  const opened = yield* open(url)
  yield* PostgresMigrations.migrate.pipe(Effect.provideContext(opened.client))
  const store = yield* EventStorePostgres.make.pipe(Effect.provideContext(opened.client))
  return { ...opened, store }
})

const newAppend = () => ({
  streamId: StreamId.StreamId.make(`note-${SecureRandom.uuidV4Unsafe()}`),
  expected: ExpectedRevision.noStream,
  events: [
    {
      id: EventId.make(SecureRandom.uuidV4Unsafe()),
      type: "Noted",
      schemaVersion: 1,
      data: {},
      metadata: {},
      occurredAt: DateTime.makeUnsafe(0)
    }
  ] as const
})

/** Appends without a repetition of its own until it is ended. */
const appender = Effect.fnUntraced(function* (store: EventStore["Service"]) {
  const acknowledged: Array<EventId.EventId> = []
  let ends = false
  const once = Effect.suspend(() => {
    const append = newAppend()
    return Effect.andThen(
      store.append(append),
      Effect.sync(() => acknowledged.push(append.events[0].id))
    )
  })
  const fibers = yield* Effect.forEach([0, 1, 2, 3], () =>
    Effect.forkScoped(Effect.repeat(once, { until: () => ends }))
  )
  const more = (count: number) =>
    Effect.suspend(() => {
      const from = acknowledged.length
      return Effect.repeat(
        Effect.sync(() => acknowledged.length - from),
        { until: (grown) => grown >= count, schedule: Schedule.spaced("10 millis") }
      )
    })
  const end = Effect.suspend(() => {
    ends = true
    return Fiber.joinAll(fibers)
  })
  return { acknowledged, more, end }
})

const idsOf = (store: EventStore["Service"]) =>
  Effect.map(Stream.runCollect(store.readAll()), (all) => all.map(({ id }) => id))

it.live(
  "loses no acknowledged append and fails none when the primary is killed, frozen and comes back",
  () =>
    Effect.gen(function* () {
      const cluster = yield* PostgresCluster.make({ quorum: 1 })
      const [a, b, c] = cluster.members
      const { sql, status, store } = yield* openStore(cluster.url("postgres"))
      const first = yield* status
      assert.deepStrictEqual(
        [first.primary, first.timeline, first.failovers],
        [Option.some(addressOf(a)), Option.some(1), 0]
      )
      const refused = yield* Effect.flip(open(asking(b.url, "read-write")))
      assert.instanceOf(refused, NoPrimary)
      assert.strictEqual(refused.message, `No primary among ${addressOf(b)} (a standby)`)
      // The statement of the guide to high availability.
      const standbys = yield* cluster.on(
        a,
        (sql) => sql`SELECT application_name, state, sync_state FROM pg_stat_replication ORDER BY 1`
      )
      assert.deepStrictEqual(
        standbys,
        ["b", "c"].map((application_name) => ({
          application_name,
          state: "streaming",
          sync_state: "quorum"
        }))
      )
      const { acknowledged, end, more } = yield* appender(store)
      yield* more(50)

      yield* a.kill
      const next = yield* cluster.failOver([b, c])
      yield* more(50)
      const second = yield* status
      assert.deepStrictEqual(
        [second.primary, second.timeline, second.failovers],
        [Option.some(addressOf(next)), Option.some(2), 1]
      )

      // The old primary comes back on its own files, and takes writes from those who connect to it.
      yield* a.start
      yield* Effect.repeat(status, {
        until: ({ servers }) => servers[0]?.state === "superseded",
        schedule: Schedule.spaced("50 millis")
      })
      yield* more(50)
      yield* a.kill
      yield* a.rebuild(next)
      yield* cluster.caughtUp(a, next)

      // Its sessions stay open, and nothing tells the client.
      yield* next.freeze
      const last = yield* cluster.failOver([a, next === b ? c : b])
      yield* more(50)
      const third = yield* status
      assert.deepStrictEqual(
        [third.primary, third.timeline, third.failovers],
        [Option.some(addressOf(last)), Option.some(3), 2]
      )
      yield* next.thaw
      yield* more(50)
      yield* end
      const recorded = new Set(yield* idsOf(store))
      assert.deepStrictEqual(
        acknowledged.filter((id) => !recorded.has(id)),
        []
      )
      const [place] = yield* sql<{ readonly port: number }>`SELECT inet_server_port() AS port`
      assert.strictEqual(place?.port, last.port)
    }).pipe(Effect.scoped),
  240_000
)

it.live(
  "refuses a server whose sessions may not write, unless any primary is asked for; and knows one that it may not ask",
  () =>
    Effect.gen(function* () {
      const server = yield* PostgresServer.restartable
      const first = yield* open(asking(server.url, "read-write"))
      yield* first.sql`REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC`
      yield* first.sql`CREATE ROLE shop LOGIN PASSWORD 'secret'`
      const asShop = new URL(Redacted.value(server.url))
      asShop.username = "shop"
      asShop.password = "secret"
      const shop = yield* open(asking(Redacted.make(asShop.href), "read-write"))
      const { failovers, primary, timeline } = yield* shop.status
      assert.deepStrictEqual(
        [failovers, primary, timeline],
        [0, Option.some(`127.0.0.1:${asShop.port}`), Option.none()]
      )
      yield* first.sql`ALTER DATABASE postgres SET default_transaction_read_only = on`
      const refused = yield* Effect.flip(open(asking(server.url, "read-write")))
      assert.match(refused.message, /^No primary among 127\.0\.0\.1:\d+ \(read-only\)$/)
      const any = yield* open(asking(server.url, "primary"))
      assert.deepStrictEqual((yield* any.status).timeline, Option.some(1))
    }).pipe(Effect.scoped),
  120_000
)
