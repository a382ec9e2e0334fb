/**
 * Databases with unusual settings: their default isolation, their encoding, and streams without
 * room.
 */
import * as EventId from "@daybook/kernel/EventId"
import * as Revision from "@daybook/kernel/Revision"
import type { NewEvent } from "@daybook/kernel/NewEvent"
import * as StreamId from "@daybook/kernel/StreamId"
import { AppendRefused, EventStore, WrongExpectedRevision } from "@daybook/store/EventStore"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import { any, exactly, noStream } from "@daybook/store/ExpectedRevision"
import * as PostgresMigrations from "@daybook/store/PostgresMigrations"
import * as OpenAppends from "@daybook/store/sql/OpenAppends"
import { UnfitDatabase } from "@daybook/store/PostgresStart"
import * as LawSuite from "@daybook/testing/LawSuite"
import * as EventStoreLaws from "@daybook/testing/contracts/EventStoreLaws"
import * as PostgresServer from "@daybook/testing/PostgresServer"
import * as PgClient from "@effect/sql-pg/PgClient"
import { assert, layer } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Reactivity from "effect/reactivity/Reactivity"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { SqlClient } from "effect/sql/SqlClient"
import * as Stream from "effect/Stream"
import * as PostgresLayers from "./postgresLayers.ts"

const clientWith = (startupParameters: Readonly<Record<string, string>>) =>
  PostgresServer.layerClient({ maxConnections: 12, startupParameters }).pipe(
    Layer.provide(PostgresServer.PostgresServer.layer)
  )

/** A client of a new database whose sessions begin transactions at a level. */
const beginningWith = (level: string) => clientWith({ default_transaction_isolation: level })

const storeOn = <E>(client: Layer.Layer<SqlClient, E>) =>
  EventStorePostgres.layer.pipe(
    Layer.provideMerge(PostgresMigrations.layer),
    Layer.provideMerge(client)
  )

LawSuite.suite(
  "EventStorePostgres where sessions have unusual settings, such as serializable transactions",
  EventStoreLaws.laws,
  storeOn(clientWith(PostgresServer.unusualSettings))
)

const streamId = () =>
  Result.getOrThrow(StreamId.fromString(`level-${SecureRandom.uuidV4Unsafe()}`))

const events = (count: number): Arr.NonEmptyReadonlyArray<NewEvent> =>
  Arr.makeBy(count, () => ({
    id: EventId.make(SecureRandom.uuidV4Unsafe()),
    type: "Noted",
    schemaVersion: 1,
    data: {},
    metadata: {},
    occurredAt: DateTime.makeUnsafe(0)
  }))

layer(storeOn(beginningWith("repeatable read")), { timeout: 60_000, excludeTestServices: true })(
  "Where transactions begin with repeatable read",
  (it) => {
    it.effect("appends, reads and waits for open appends", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient
        const level = yield* sql`SHOW transaction_isolation`
        assert.deepStrictEqual(level, [{ transaction_isolation: "repeatable read" }])
        const store = yield* EventStore
        const [one, two] = [streamId(), streamId()]
        yield* store.append({ streamId: one, expected: noStream, events: events(1) })
        const [appended] = yield* store.appendAll({
          appends: [{ streamId: two, expected: noStream, events: events(2) }]
        })
        yield* OpenAppends.awaitEnd(Duration.seconds(10))
        assert.strictEqual((yield* store.backlog()).head >= appended.position, true)
        assert.strictEqual(yield* Stream.runCount(store.readAll()), 3)
        const followed = store.subscribe().pipe(Stream.take(3))
        assert.strictEqual(yield* Stream.runCount(followed), 3)
      })
    )

    it.effect("refuses an append in a transaction of the caller, and says why", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient
        // A store that has not appended yet.
        const store = yield* EventStorePostgres.make
        const id = streamId()
        for (const append of [
          Effect.asVoid(store.append({ streamId: id, expected: any, events: events(1) })),
          Effect.asVoid(
            store.appendAll({ appends: [{ streamId: id, expected: any, events: events(1) }] })
          )
        ]) {
          const [error, alive] = yield* sql.withTransaction(
            Effect.all([Effect.flip(append), sql`SELECT 1 AS one`])
          )
          assert.deepStrictEqual(alive, [{ one: 1 }])
          assert.instanceOf(error, AppendRefused)
          assert.strictEqual(error.streamId, id)
          assert.deepStrictEqual(error.reason, {
            _tag: "WrongIsolation",
            found: "repeatable read",
            needed: "read committed"
          })
        }
        assert.strictEqual(yield* Stream.runCount(store.read(id)), 0)
      }).pipe(Effect.scoped)
    )
  }
)

const Services = Layer.mergeAll(SecureRandom.layerWebCrypto, Reactivity.layer)

layer(Services.pipe(Layer.provideMerge(PostgresServer.PostgresServer.layer)), { timeout: 60_000 })(
  "A database of another encoding",
  (it) => {
    it.effect("is refused when it is migrated, and when a store is opened on it", () =>
      Effect.gen(function* () {
        const server = yield* PostgresServer.PostgresServer
        const admin = yield* PgClient.make({ url: server.url, maxConnections: 1 })
        yield* Effect.acquireRelease(
          admin`CREATE DATABASE latin ENCODING 'LATIN1' LOCALE_PROVIDER libc LOCALE 'C' TEMPLATE template0`
            .unprepared,
          () => Effect.orDie(admin`DROP DATABASE latin WITH (FORCE)`.unprepared)
        )
        const url = new URL(Redacted.value(server.url))
        url.pathname = "/latin"
        const sql = yield* PgClient.make({ url: Redacted.make(url.href), maxConnections: 1 })
        const on = Effect.provideService(SqlClient, sql)
        for (const refused of [
          yield* Effect.flip(PostgresMigrations.migrate).pipe(on),
          yield* Effect.flip(Effect.scoped(Layer.build(EventStorePostgres.layer))).pipe(on)
        ]) {
          assert.instanceOf(refused, UnfitDatabase)
          assert.strictEqual(
            refused.message,
            "The database latin has server_encoding LATIN1, and a log needs UTF8: " +
              "create a database with ENCODING 'UTF8'"
          )
        }
        assert.isEmpty(yield* sql`SELECT FROM pg_namespace WHERE nspname = 'daybook'`)
      }).pipe(Effect.scoped)
    )
  }
)

const fullStream = <E>(title: string, stores: Layer.Layer<EventStore | SqlClient, E>) => {
  layer(stores, { timeout: 60_000, excludeTestServices: true })(
    `A stream at its last revision, ${title},`,
    (it) => {
      it.effect("takes no more events, and says so", () =>
        Effect.gen(function* () {
          const sql = yield* SqlClient
          const store = yield* EventStore
          const [full, other] = [streamId(), streamId()]
          yield* sql`
            INSERT INTO daybook.events (position, occurred_at, recorded_at, event_id, revision, schema_version,
              stream_id, type, data, metadata)
            SELECT (nextval('daybook.append_number') - 1) * 1024 + 1, now(), now(),
              ${SecureRandom.uuidV4Unsafe()}::uuid, 2147483645, 1, ${full}, 'Noted', '{}', '{}'`
          const refused = Effect.fnUntraced(function* (
            append: Effect.Effect<unknown, unknown>,
            actual: number,
            count: number
          ) {
            const error = yield* Effect.flip(append)
            assert.instanceOf(error, AppendRefused)
            assert.strictEqual(error.streamId, full)
            assert.deepStrictEqual(error.reason, {
              _tag: "StreamFull",
              actual,
              count,
              limit: 2_147_483_647
            })
          })
          const append = (count: number) =>
            store.append({ streamId: full, expected: any, events: events(count) })
          yield* refused(append(3), 2_147_483_645, 3)
          yield* refused(
            store.appendAll({
              appends: [
                { streamId: other, expected: noStream, events: events(1) },
                { streamId: full, expected: any, events: events(3) }
              ]
            }),
            2_147_483_645,
            3
          )
          const answers = yield* Effect.all(
            Arr.makeBy(6, () => Effect.result(append(1))),
            { concurrency: "unbounded" }
          )
          assert.lengthOf(answers.filter(Result.isSuccess), 2)
          yield* refused(append(1), 2_147_483_647, 1)
          const conflict = yield* Effect.flip(
            store.append({
              streamId: full,
              expected: exactly(Revision.make(2_147_483_646)),
              events: events(1)
            })
          )
          assert.instanceOf(conflict, WrongExpectedRevision)
          // An append that only checks the stream still succeeds.
          yield* store.appendAll({
            appends: [{ streamId: other, expected: noStream, events: events(1) }],
            checks: [{ streamId: full, expected: exactly(Revision.make(2_147_483_647)) }]
          })
        })
      )
    }
  )
}

fullStream("on a server", PostgresLayers.server)
fullStream("in partitions", PostgresLayers.serverPartitioned)
fullStream("embedded", PostgresLayers.embedded)
