/**
 * Work that a host's connections are not spent on, and rows that its log refuses.
 */
import * as EventId from "@daybook/kernel/EventId"
import * as StreamId from "@daybook/kernel/StreamId"
import { EventStore } from "@daybook/store/EventStore"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import * as PostgresServer from "@daybook/testing/PostgresServer"
import { assert, layer } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as Context from "effect/Context"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as DateTime from "effect/DateTime"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import { SqlClient } from "effect/sql/SqlClient"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import { database } from "./subscribingHosts.ts"

const fresh = Effect.suspend(() =>
  Effect.fromResult(StreamId.fromString(`note-${SecureRandom.uuidV4Unsafe()}`))
)

const append = (store: EventStore["Service"], streamId: StreamId.StreamId) =>
  store.append({
    streamId,
    expected: ExpectedRevision.any,
    events: [
      {
        id: EventId.make(SecureRandom.uuidV4Unsafe()),
        type: "Noted",
        schemaVersion: 1,
        data: {},
        metadata: {},
        occurredAt: DateTime.makeUnsafe(0)
      }
    ]
  })

layer(PostgresServer.PostgresServer.layerEmbedded, { timeout: 60_000, excludeTestServices: true })(
  "The connections of a host",
  (it) => {
    it.effect("are not all taken by locked streams", () =>
      Effect.gen(function* () {
        const { start } = yield* database
        const stranger = yield* start()
        const host = yield* start({}, { maxConnections: 4 })
        const held = yield* Effect.replicateEffect(fresh, 6)
        const holds = yield* Deferred.make<void>()
        const ends = yield* Deferred.make<void>()
        const transaction = yield* Effect.forkChild(
          stranger.sql.withTransaction(
            Effect.gen(function* () {
              yield* Effect.forEach(held, (streamId) => append(stranger.store, streamId))
              yield* Deferred.succeed(holds, undefined)
              yield* Deferred.await(ends)
            })
          )
        )
        yield* Deferred.await(holds)
        const waiting = yield* Effect.forEach(held, (streamId) =>
          Effect.forkChild(append(host.store, streamId))
        )
        // More than the number of connections, one after the other, so that they would be used up.
        for (let n = 0; n < 12; n++) {
          const streamId = yield* fresh
          yield* append(host.store, streamId)
          assert.lengthOf(yield* Stream.runCollect(host.store.read(streamId)), 1)
        }
        yield* Deferred.succeed(ends, undefined)
        yield* Fiber.join(transaction)
        const answers = yield* Effect.forEach(waiting, Fiber.join)
        assert.deepStrictEqual(
          answers.map(({ revision }) => Number(revision)),
          Arr.replicate(2, 6)
        )
      }).pipe(Effect.scoped)
    )

    it.effect("are given back by abandoned reads", () =>
      Effect.gen(function* () {
        const { start } = yield* database
        const locker = yield* start()
        const host = yield* start({}, { maxConnections: 2 })
        const locks = yield* Deferred.make<void>()
        const ends = yield* Deferred.make<void>()
        const transaction = yield* Effect.forkChild(
          locker.sql.withTransaction(
            Effect.gen(function* () {
              yield* locker.sql`LOCK TABLE daybook.events IN ACCESS EXCLUSIVE MODE`.unprepared
              yield* Deferred.succeed(locks, undefined)
              yield* Deferred.await(ends)
            })
          )
        )
        yield* Deferred.await(locks)
        const blocked = locker.sql<{ readonly count: number }>`
          SELECT count(*)::integer AS count FROM pg_stat_activity
          WHERE wait_event_type = 'Lock' AND query LIKE '%LATERAL%' OR query LIKE '%BETWEEN%' AND wait_event_type = 'Lock'`
        const reads = yield* Effect.replicateEffect(
          Effect.flatMap(fresh, (streamId) =>
            Effect.forkChild(Stream.runCollect(host.store.read(streamId)))
          ),
          6
        )
        yield* Effect.repeat(blocked, { until: ([row]) => (row?.count ?? 0) > 0 })
        yield* Effect.forEach(reads, Fiber.interrupt, { concurrency: "unbounded" })
        const [row] = yield* host.sql<{ readonly one: number }>`SELECT 1 AS one`
        assert.strictEqual(row?.one, 1)
        yield* Deferred.succeed(ends, undefined)
        yield* Fiber.join(transaction)
      }).pipe(Effect.scoped)
    )

    it.effect("are two for reads that wait, and those after them go together", () => {
      const texts: Array<string> = []
      const tracer = Tracer.make({
        span: (options) => {
          const span = new Tracer.NativeSpan(options)
          const attribute = span.attribute.bind(span)
          span.attribute = (key, value) => {
            if (key === "db.query.text") texts.push(String(value))
            attribute(key, value)
          }
          return span
        }
      })
      return Effect.gen(function* () {
        const { start } = yield* database
        const locker = yield* start()
        const host = yield* start()
        const streams = yield* Effect.replicateEffect(fresh, 12)
        yield* Effect.forEach(streams, (streamId) => append(host.store, streamId))
        const locks = yield* Deferred.make<void>()
        const ends = yield* Deferred.make<void>()
        const transaction = yield* Effect.forkChild(
          locker.sql.withTransaction(
            Effect.gen(function* () {
              yield* locker.sql`LOCK TABLE daybook.events IN ACCESS EXCLUSIVE MODE`.unprepared
              yield* Deferred.succeed(locks, undefined)
              yield* Deferred.await(ends)
            })
          )
        )
        yield* Deferred.await(locks)
        texts.length = 0
        const reads = yield* Effect.forEach(streams, (streamId) =>
          Effect.forkChild(Stream.runCollect(host.store.read(streamId)), { startImmediately: true })
        )
        yield* Deferred.succeed(ends, undefined)
        yield* Fiber.join(transaction)
        const read = yield* Effect.forEach(reads, Fiber.join)
        assert.deepStrictEqual(
          read.map((events) => events.map((event) => event.streamId)),
          streams.map((streamId) => [streamId])
        )
        // One at once and one for all others, in each of two lanes.
        assert.isAtMost(texts.filter((text) => text.includes('"daybook".events')).length, 4)
      }).pipe(Effect.scoped, Effect.provideService(Tracer.Tracer, tracer))
    })

    it.effect("append for themselves in a store that was opened inside of a transaction", () =>
      Effect.gen(function* () {
        const { start } = yield* database
        const { sql } = yield* start()
        const streamId = yield* fresh
        const opened = yield* Deferred.make<EventStore["Service"]>()
        const ends = yield* Deferred.make<void>()
        const scope = yield* Effect.scope
        const opener = yield* Effect.forkChild(
          sql.withTransaction(
            Effect.gen(function* () {
              const context = yield* Layer.buildWithScope(
                Layer.fresh(EventStorePostgres.layer),
                scope
              ).pipe(Effect.provideService(SqlClient, sql))
              yield* Deferred.succeed(opened, Context.get(context, EventStore))
              yield* Deferred.await(ends)
              return yield* Effect.fail("rolled back")
            })
          )
        )
        const store = yield* Deferred.await(opened)
        yield* append(store, streamId)
        yield* Deferred.succeed(ends, undefined)
        assert.strictEqual(yield* Effect.flip(Fiber.join(opener)), "rolled back")
        assert.lengthOf(yield* Stream.runCollect(store.read(streamId)), 1)
        yield* append(store, streamId)
      }).pipe(Effect.scoped)
    )

    it.effect("bring in no row that would end its readers", () =>
      Effect.gen(function* () {
        const { admin } = yield* database
        const large = "x".repeat(1_048_575)
        for (const [data, occurredAt] of [
          ["{}", "infinity"],
          ["{}", "10000-01-01 00:00:00+00"],
          [`"${large}"`, "2020-01-01 00:00:00+00"]
        ]) {
          for (const name of ["try_append", "append"]) {
            const more = name === "append" ? admin`, 0` : admin``
            const refused = yield* Effect.flip(admin`
              SELECT * FROM ${admin(`daybook.${name}`)}(ARRAY['note-1'], ARRAY[-2]::bigint[], ARRAY[1],
                ARRAY[gen_random_uuid()], ARRAY['Noted'], ARRAY[1]::smallint[], ARRAY[${data}::text],
                ARRAY['{}'], ARRAY[${occurredAt}::text::timestamptz], false${more})`)
            assert.strictEqual(refused.reason._tag, "ConstraintError")
          }
        }
      }).pipe(Effect.scoped)
    )
  }
)
