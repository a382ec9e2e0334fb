/** The cases of an import, on every kind of log in PostgreSQL. */
import * as EventId from "@daybook/kernel/EventId"
import * as LogId from "@daybook/kernel/LogId"
import * as Position from "@daybook/kernel/Position"
import * as StreamId from "@daybook/kernel/StreamId"
import { EventStore } from "@daybook/store/EventStore"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import * as PostgresImport from "@daybook/store/PostgresImport"
import * as PostgresMigrations from "@daybook/store/PostgresMigrations"
import { PostgresSchema, SchemaName } from "@daybook/store/PostgresSchema"
import { assert, layer } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { SqlClient } from "effect/sql/SqlClient"
import * as Stream from "effect/Stream"

const LOG = LogId.LogId.make("11111111-1111-4111-8111-111111111111")

const PLACES = 1_024n

/** The event at a place of an append, counted from 1; the third append has two events. */
const event = (append: bigint, place: bigint, revision: number): PostgresImport.StoredEvent => ({
  position: Position.make((append - 1n) * PLACES + place),
  streamId: "note-1",
  revision,
  id: `00000000-0000-4000-8000-000000000${append}${place}`,
  type: "Noted",
  schemaVersion: 2,
  occurredAt: DateTime.makeUnsafe(revision * 1_000),
  recordedAt: DateTime.makeUnsafe("2026-01-01T00:00:00.123Z"),
  data: `{"text":"${revision}"}`,
  metadata: '{"actor":"ann"}'
})

const events = [event(11n, 1n, 1), event(12n, 1n, 2), event(15n, 1n, 3), event(15n, 2n, 4)] as const

const from = (index: number, to: number) => {
  const some = events.slice(index, to)
  if (!Arr.isReadonlyArrayNonEmpty(some)) throw new Error("no event")
  return some
}

const noted = (id: string) => ({
  streamId: StreamId.StreamId.make("note-2"),
  expected: ExpectedRevision.any,
  events: [
    {
      id: EventId.EventId.make(id),
      type: "Noted",
      schemaVersion: 1,
      data: {},
      metadata: {},
      occurredAt: DateTime.makeUnsafe(0)
    }
  ] as const
})

const NEW = "00000000-0000-4000-8000-00000000aaaa"

/** Runs a case on an empty log in a schema of its own, migrated and perhaps partitioned. */
const onEmptyLog =
  (schema: string, prepare: Effect.Effect<unknown, unknown, SqlClient>) =>
  <A, E>(use: Effect.Effect<A, E, SqlClient | EventStore>) =>
    Effect.andThen(
      Effect.andThen(PostgresMigrations.migrate, prepare),
      Effect.provide(use, EventStorePostgres.layer)
    ).pipe(Effect.provideService(PostgresSchema, SchemaName.make(schema)))

export const importCases = <E>(
  name: string,
  client: Layer.Layer<SqlClient, E>,
  prepare: Effect.Effect<unknown, unknown, SqlClient> = Effect.void
) =>
  layer(client, { timeout: "2 minutes", excludeTestServices: true })(name, (it) => {
    it.effect("keeps ids, revisions, positions, times and the id of the log", () =>
      Effect.gen(function* () {
        assert.isTrue(Option.isNone(yield* PostgresImport.begin(LOG)))
        yield* PostgresImport.write(Position.start, from(0, 2))
        yield* PostgresImport.write(events[1].position, from(2, 4))
        yield* PostgresImport.end({ added: 4, passedOver: [] })
        const store = yield* EventStore
        assert.strictEqual(yield* store.identity, LOG)
        const read = yield* Stream.runCollect(store.readAll())
        assert.deepStrictEqual(
          read.map(({ data, metadata, ...one }) => ({
            ...one,
            data: JSON.stringify(data),
            metadata: JSON.stringify(metadata)
          })),
          events.map((one) => ({ ...one }) as never)
        )
        assert.strictEqual(yield* store.head, 15n * PLACES)
        // The next append follows.
        const appended = yield* store.append(noted(NEW))
        assert.strictEqual(appended.position, 15n * PLACES + 1n)
      }).pipe(onEmptyLog("import_keeps", prepare))
    )

    it.effect("goes on after the last event of an earlier run", () =>
      Effect.gen(function* () {
        yield* PostgresImport.begin(LOG)
        yield* PostgresImport.write(Position.start, from(0, 2))
        const last = yield* PostgresImport.begin(LOG)
        assert.deepStrictEqual(
          last,
          Option.some({
            position: events[1].position,
            id: EventId.EventId.make(events[1].id)
          })
        )
        yield* PostgresImport.write(events[1].position, from(2, 4))
        assert.strictEqual(yield* Stream.runCount((yield* EventStore).readAll()), 4)
      }).pipe(onEmptyLog("import_goes_on", prepare))
    )

    it.effect("refuses another log, a log that moved, and events out of order", () =>
      Effect.gen(function* () {
        yield* PostgresImport.begin(LOG)
        const store = yield* EventStore
        const { position } = yield* store.append(noted(NEW))
        const moved = yield* Effect.flip(PostgresImport.write(Position.start, from(0, 2)))
        assert.deepInclude(moved, {
          reason: { _tag: "Moved", expected: Position.start, found: position }
        })
        const given = LogId.LogId.make("22222222-2222-4222-8222-222222222222")
        const other = yield* Effect.flip(PostgresImport.begin(given))
        assert.deepInclude(other, { reason: { _tag: "OtherLog", found: LOG, given } })
        const unordered = yield* Effect.flip(PostgresImport.write(position, [events[1], events[0]]))
        assert.deepInclude(unordered, {
          reason: { _tag: "NotInOrder", position: events[0].position }
        })
        assert.strictEqual(yield* Stream.runCount(store.readAll()), 1)
      }).pipe(onEmptyLog("import_refuses", prepare))
    )

    it.effect("shows no position as settled before its events are visible", () =>
      Effect.gen(function* () {
        yield* PostgresImport.begin(LOG)
        yield* PostgresImport.write(Position.start, from(0, 2))
        const sql = yield* SqlClient
        const store = yield* EventStore
        const during = yield* sql.withTransaction(
          Effect.andThen(
            PostgresImport.write(events[1].position, from(2, 4)),
            sql<{ readonly settled: bigint }>`SELECT import_settled.settled_position() AS settled`
          )
        )
        // The sequence has moved to 15, and the batch is not committed.
        assert.strictEqual(during[0]?.settled, 12n * PLACES)
        assert.strictEqual(yield* store.head, 15n * PLACES)
      }).pipe(onEmptyLog("import_settled", prepare))
    )

    it.effect("writes nothing of a batch with an event that append would refuse", () =>
      Effect.gen(function* () {
        yield* PostgresImport.begin(LOG)
        const failed = yield* Effect.exit(
          PostgresImport.write(Position.start, [events[0], { ...events[1], data: '"\\u0000"' }])
        )
        assert.strictEqual(failed._tag, "Failure")
        assert.strictEqual(yield* Stream.runCount((yield* EventStore).readAll()), 0)
      }).pipe(onEmptyLog("import_atomic", prepare))
    )

    it.effect("wakes no subscriber before its events, and skips none of them", () =>
      Effect.gen(function* () {
        yield* PostgresImport.begin(LOG)
        const store = yield* EventStore
        const seen = yield* Effect.forkScoped(
          Stream.runCollect(Stream.take(store.subscribe({ after: Position.start }), 4)),
          { startImmediately: true }
        )
        yield* PostgresImport.write(Position.start, from(0, 1))
        yield* PostgresImport.write(events[0].position, from(1, 2))
        yield* PostgresImport.write(events[1].position, from(2, 4))
        assert.deepStrictEqual(
          (yield* Fiber.join(seen)).map(({ position }) => position),
          events.map(({ position }) => position)
        )
      }).pipe(Effect.scoped, onEmptyLog("import_wakes", prepare))
    )
  })
