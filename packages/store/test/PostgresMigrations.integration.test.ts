/**
 * The tables and functions of a log: made once, protected from changes, and answering each append
 * on its own.
 */
import * as EventId from "@daybook/kernel/EventId"
import * as Revision from "@daybook/kernel/Revision"
import * as StreamId from "@daybook/kernel/StreamId"
import { EventIdConflict, EventStore, WrongExpectedRevision } from "@daybook/store/EventStore"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import * as PostgresMigrations from "@daybook/store/PostgresMigrations"
import { PostgresSchema, SchemaName } from "@daybook/store/PostgresSchema"
import * as PostgresServer from "@daybook/testing/PostgresServer"
import * as PgClient from "@effect/sql-pg/PgClient"
import { assert, describe, it, layer } from "@effect/vitest"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as DateTime from "effect/DateTime"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Reactivity from "effect/reactivity/Reactivity"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { SqlClient } from "effect/sql/SqlClient"
import * as Stream from "effect/Stream"
import type { EncodedAppend } from "@daybook/store/driver/EventStoreDriver"
import { appendEach } from "../src/internal/postgres/log/callAppend.ts"
import { settledPosition } from "../src/internal/postgres/log/settled.ts"

const now = DateTime.makeUnsafe(0)
const schema = SchemaName.make("daybook")

const event = Effect.map(
  Effect.flatMap(SecureRandom.SecureRandom, (random) => random.uuidV4()),
  (id) => ({
    id: EventId.make(id),
    type: "Noted",
    schemaVersion: 1,
    data: "{}",
    metadata: "{}",
    occurredAt: 0
  })
)

const stream = Effect.flatMap(
  Effect.flatMap(SecureRandom.SecureRandom, (random) => random.uuidV4()),
  (id) => Effect.fromResult(StreamId.fromString(`note-${id}`))
)

const Services = Layer.mergeAll(SecureRandom.layerWebCrypto, Reactivity.layer)

layer(Services.pipe(Layer.provideMerge(PostgresServer.PostgresServer.layer)), { timeout: 60_000 })(
  "Migrating",
  (it) => {
    it.effect("ends well for ten hosts that start at once", () =>
      Effect.gen(function* () {
        const url = yield* PostgresServer.freshDatabase
        const host = Effect.flatMap(PgClient.make({ url, maxConnections: 2 }), (sql) =>
          Effect.provideService(PostgresMigrations.migrate, SqlClient, sql)
        )
        const ran = yield* Effect.all(
          Array.from({ length: 10 }, () => host),
          { concurrency: "unbounded" }
        )
        assert.deepStrictEqual(ran.flat(), [[1, "log"]])
        const sql = yield* PgClient.make({ url })
        const rows = yield* sql`SELECT migration_id, name FROM daybook.migrations ORDER BY 1`
        assert.deepStrictEqual(rows, [{ migration_id: 1, name: "log" }])
      }).pipe(Effect.scoped)
    )

    it.effect("puts several logs in one database, each in its schema", () =>
      Effect.gen(function* () {
        const url = yield* PostgresServer.freshDatabase
        const sql = yield* PgClient.make({ url })
        for (const name of ["one", "two"]) {
          const ran = yield* PostgresMigrations.migrate.pipe(
            Effect.provideService(SqlClient, sql),
            Effect.provideService(PostgresSchema, SchemaName.make(name))
          )
          assert.deepStrictEqual(ran, [[1, "log"]])
        }
        const tables = yield* sql<{ schemaname: string }>`
          SELECT schemaname FROM pg_tables WHERE tablename = 'events' ORDER BY 1`
        assert.deepStrictEqual(
          tables.map((table) => table.schemaname),
          ["one", "two"]
        )
      }).pipe(Effect.scoped)
    )
  }
)

const isSchemaName = Schema.is(SchemaName)

describe("SchemaName", () => {
  it("takes plain names in lower case, and no others", () => {
    for (const name of ["daybook", "_a1", "a".repeat(63)]) assert.isTrue(isSchemaName(name), name)
    for (const name of [
      "",
      "A",
      "1a",
      "a-b",
      'a"b',
      "a;b",
      "a.b",
      "pg_a",
      "information_schema",
      "a".repeat(64),
      "a\n"
    ]) {
      assert.isFalse(isSchemaName(name), name)
    }
  })
})

const migrated = PostgresMigrations.layer.pipe(
  Layer.provideMerge(PostgresServer.layerClient()),
  Layer.provide(PostgresServer.PostgresServer.layer),
  Layer.provideMerge(Services)
)

layer(migrated, { timeout: 60_000 })("The functions of a log", (it) => {
  it.effect("answers each of several appends in one call alone, in order", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient
      const [one, two, three] = yield* Effect.all([stream, stream, stream])
      const [a, b, c, d, e] = yield* Effect.all([event, event, event, event, event])
      const append = (
        streamId: StreamId.StreamId,
        expected: ExpectedRevision.ExpectedRevision,
        ...events: EncodedAppend["events"]
      ): EncodedAppend => ({ streamId, expected, events })
      yield* appendEach(sql, schema, [append(one, ExpectedRevision.noStream, a)])
      const answers = yield* appendEach(sql, schema, [
        append(two, ExpectedRevision.noStream, b, c),
        append(one, ExpectedRevision.noStream, d),
        append(one, ExpectedRevision.any, a),
        append(three, ExpectedRevision.any, a),
        append(two, ExpectedRevision.exactly(Revision.make(2)), d),
        append(two, ExpectedRevision.exists, e)
      ])
      const told = answers.map((answer): unknown => {
        if (Result.isSuccess(answer)) return answer.success.revision
        const { failure } = answer
        if (failure instanceof WrongExpectedRevision) {
          return [failure.actual, failure.between.map(({ id }) => id)]
        }
        if (!(failure instanceof EventIdConflict)) return failure.message
        return failure.recorded.map(({ eventId, streamId }) => [eventId, streamId])
      })
      assert.deepStrictEqual(told, [2, [1, [a.id]], 1, [[a.id, one]], 3, 4])
    })
  )

  it.effect("lets one of two appends of the same event id through, on streams of two writers", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient
      const shared = yield* event
      const attempts = yield* Effect.forEach(
        Array.from({ length: 8 }),
        () =>
          Effect.flatMap(stream, (streamId) =>
            appendEach(sql, schema, [
              { streamId, expected: ExpectedRevision.noStream, events: [shared] }
            ])
          ),
        { concurrency: "unbounded" }
      )
      const answers = attempts.flat()
      assert.strictEqual(answers.filter(Result.isSuccess).length, 1)
      for (const answer of answers.filter(Result.isFailure)) {
        assert.instanceOf(answer.failure, EventIdConflict)
      }
    })
  )

  it.effect("leaves the transaction of a caller usable when an id is taken under its hands", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient
      const shared = yield* event
      const [one, two] = [yield* stream, yield* stream]
      const append = (streamId: StreamId.StreamId) =>
        appendEach(sql, schema, [{ streamId, expected: ExpectedRevision.any, events: [shared] }])
      const written = yield* Deferred.make<void>()
      const commit = yield* Deferred.make<void>()
      const first = yield* sql
        .withTransaction(
          Effect.gen(function* () {
            yield* append(one)
            yield* Deferred.succeed(written, undefined)
            yield* Deferred.await(commit)
          })
        )
        .pipe(Effect.forkChild({ startImmediately: true }))
      yield* Deferred.await(written)
      const second = yield* sql
        .withTransaction(
          Effect.gen(function* () {
            const [answer] = yield* append(two)
            return { answer, alive: yield* sql`SELECT 1 AS alive` }
          })
        )
        .pipe(Effect.forkChild({ startImmediately: true }))
      const waiting = Effect.map(
        sql`SELECT FROM pg_locks WHERE locktype = 'transactionid' AND NOT granted`,
        (rows) => rows.length > 0
      )
      while (!(yield* waiting)) yield* Effect.yieldNow
      yield* Deferred.succeed(commit, undefined)
      yield* Fiber.join(first)
      const { alive, answer } = yield* Fiber.join(second)
      assert.deepStrictEqual(alive, [{ alive: 1 }])
      if (Result.isSuccess(answer)) return assert.fail("appended twice")
      assert.instanceOf(answer.failure, EventIdConflict)
    })
  )

  it.effect("takes any schema name that it accepts, words of SQL too", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient
      for (const name of ["order", "user", "null"]) {
        const words = SchemaName.make(name)
        yield* Effect.provideService(PostgresMigrations.migrate, PostgresSchema, words)
        const [answer] = yield* appendEach(sql, words, [
          { streamId: yield* stream, expected: ExpectedRevision.any, events: [yield* event] }
        ])
        assert.isTrue(Result.isSuccess(answer))
        assert.strictEqual(yield* settledPosition(sql, words), 1024n)
      }
    })
  )

  it.effect("refuses to change, delete or truncate events", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient
      yield* appendEach(sql, schema, [
        { streamId: yield* stream, expected: ExpectedRevision.any, events: [yield* event] }
      ])
      const before = yield* sql`SELECT * FROM daybook.events ORDER BY position`
      for (const attempt of [
        sql`UPDATE daybook.events SET data = '{"forged":true}'`,
        sql`DELETE FROM daybook.events`,
        sql`DELETE FROM daybook.events WHERE false`,
        sql`TRUNCATE daybook.events`
      ]) {
        assert.strictEqual((yield* Effect.flip(attempt)).reason._tag, "AuthorizationError")
      }
      assert.deepStrictEqual(yield* sql`SELECT * FROM daybook.events ORDER BY position`, before)
    })
  )

  it.effect("refuses to append under a snapshot that could hide another writer", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient
      const streamId = yield* stream
      const events = [yield* event]
      const error = yield* sql
        .withTransaction(
          Effect.andThen(
            sql`SET TRANSACTION ISOLATION LEVEL REPEATABLE READ`,
            appendEach(sql, schema, [{ streamId, expected: ExpectedRevision.any, events }])
          )
        )
        .pipe(Effect.flip)
      const { cause } = error.reason
      assert.include(String(cause), "append needs READ COMMITTED, not repeatable read")
    })
  )

  it.effect("has a settled position of 0 before the first event", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient
      const empty = SchemaName.make("empty_log")
      yield* Effect.provideService(PostgresMigrations.migrate, PostgresSchema, empty)
      assert.strictEqual(yield* settledPosition(sql, empty), 0n)
      yield* appendEach(sql, empty, [
        { streamId: yield* stream, expected: ExpectedRevision.any, events: [yield* event] }
      ])
      assert.strictEqual(yield* settledPosition(sql, empty), 1024n)
    })
  )

  it.effect("reads through indexes: a stream, the log, and a category", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient
      const plans = yield* sql.withTransaction(
        Effect.gen(function* () {
          // PostgreSQL prefers to scan a small table; the test is whether an index can serve.
          yield* sql`SET LOCAL enable_seqscan = off`
          yield* sql`SET LOCAL enable_bitmapscan = off`
          return yield* Effect.forEach(
            [
              sql`EXPLAIN SELECT * FROM daybook.events
                WHERE stream_id = 'note-1' AND revision BETWEEN 1 AND 9 ORDER BY revision LIMIT 500`,
              sql`EXPLAIN SELECT * FROM daybook.events
                WHERE position BETWEEN 1 AND 9 ORDER BY position LIMIT 500`,
              sql`EXPLAIN SELECT * FROM daybook.events
                WHERE position BETWEEN 1 AND 9 AND split_part(stream_id, '-', 1) = 'note'
                ORDER BY position LIMIT 500`
            ],
            (explain) => Effect.map(explain, (rows) => JSON.stringify(rows))
          )
        })
      )
      const [byStream, byPosition, byCategory] = plans
      assert.include(byStream, "Index Scan using events_stream_id_revision_key")
      assert.include(byPosition, "Index Scan using events_pkey")
      assert.include(byCategory, "Index Scan using events_category_position_idx")
      for (const plan of plans) assert.notInclude(plan, "Sort")
    })
  )
})

layer(migrated, { timeout: 60_000 })("A store without its tables", (it) => {
  it.effect("is not opened, and fails when they are gone, naming what is missing", () =>
    Effect.gen(function* () {
      const nowhere = Effect.provideService(PostgresSchema, SchemaName.make("nowhere"))
      const unopened = yield* Effect.flip(nowhere(EventStorePostgres.make))
      assert.strictEqual(unopened._tag, "NotMigrated")
      yield* nowhere(PostgresMigrations.migrate)
      const store = yield* nowhere(EventStorePostgres.make)
      const sql = yield* SqlClient
      yield* sql`DROP SCHEMA nowhere CASCADE`.unprepared
      const error = yield* Effect.flip(
        store.append({
          streamId: yield* stream,
          expected: ExpectedRevision.any,
          events: [
            yield* Effect.map(event, (e) => ({ ...e, data: {}, metadata: {}, occurredAt: now }))
          ]
        })
      )
      assert.strictEqual(error._tag, "EventStoreError")
      assert.include(error.message, 'schema "nowhere" does not exist')
    })
  )
})

const camelCase = (name: string) =>
  name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())

const renaming = EventStorePostgres.layer.pipe(
  Layer.provideMerge(PostgresMigrations.layer),
  Layer.provide(
    PostgresServer.layerClient({ transformResultNames: camelCase, transformJson: true })
  ),
  Layer.provide(PostgresServer.PostgresServer.layer),
  Layer.provideMerge(Services)
)

layer(renaming, { timeout: 60_000 })("A client that renames columns and keys", (it) => {
  it.effect("gives events as they were appended", () =>
    Effect.gen(function* () {
      const store = yield* EventStore
      const streamId = yield* stream
      const data = { snake_case: { inner_key: 1 } }
      const metadata = { correlationId: "c", custom: { some_key: 1 } }
      const first = { ...(yield* event), data, metadata, occurredAt: now }
      const { position, revision } = yield* store.append({
        streamId,
        expected: ExpectedRevision.noStream,
        events: [first]
      })
      const [read] = yield* Stream.runCollect(store.read(streamId))
      assert.deepInclude(read, { ...first, streamId, revision, position })
      const [listed] = yield* Stream.runCollect(store.readAll())
      assert.deepStrictEqual(listed, read)
      const conflict = yield* Effect.flip(
        store.append({
          streamId,
          expected: ExpectedRevision.noStream,
          events: [{ ...(yield* event), data, metadata, occurredAt: now }]
        })
      )
      assert.instanceOf(conflict, WrongExpectedRevision)
      assert.deepStrictEqual(conflict.between[0], read)
    })
  )
})
