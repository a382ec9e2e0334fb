/**
 * The order that readers may trust, attacked on a real server through several connections.
 */
import * as EventId from "@daybook/kernel/EventId"
import type { NewEvent } from "@daybook/kernel/NewEvent"
import * as Position from "@daybook/kernel/Position"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as StreamId from "@daybook/kernel/StreamId"
import { EventStore } from "@daybook/store/EventStore"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import * as PostgresMigrations from "@daybook/store/PostgresMigrations"
import { PostgresSchema, SchemaName } from "@daybook/store/PostgresSchema"
import { assert, layer } from "@effect/vitest"
import * as Context from "effect/Context"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as DateTime from "effect/DateTime"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import * as Stream from "effect/Stream"
import { server, serverPartitioned } from "./postgresLayers.ts"

const freshId = Effect.flatMap(SecureRandom.SecureRandom, (random) => random.uuidV4())

const newEvent: Effect.Effect<NewEvent, never, SecureRandom.SecureRandom> = Effect.map(
  freshId,
  (id) => ({
    id: EventId.make(id),
    type: "Noted",
    schemaVersion: 1,
    data: {},
    metadata: {},
    occurredAt: DateTime.makeUnsafe(0)
  })
)

/** Appends one event to a stream of its own. */
const appendOne = Effect.gen(function* () {
  const store = yield* EventStore
  const streamId = yield* Effect.fromResult(StreamId.fromString(`note-${yield* freshId}`))
  const event = yield* newEvent
  const { position } = yield* store.append({
    streamId,
    expected: ExpectedRevision.noStream,
    events: [event]
  })
  return position
})

/** An append whose transaction stays open until it is ended from outside. */
const heldOpen = Effect.gen(function* () {
  const sql = yield* SqlClient
  const appended = yield* Deferred.make<Position.Position>()
  const told = yield* Deferred.make<"commit" | "roll back">()
  const fiber = yield* sql
    .withTransaction(
      Effect.gen(function* () {
        yield* Deferred.succeed(appended, yield* appendOne)
        if ((yield* Deferred.await(told)) === "roll back") return yield* Effect.fail("rolled back")
      })
    )
    .pipe(Effect.exit, Effect.forkChild({ startImmediately: true }))
  const position = yield* Deferred.await(appended)
  const end = (how: "commit" | "roll back") =>
    Effect.andThen(Deferred.succeed(told, how), Fiber.join(fiber))
  return { position, end }
})

type Read = Effect.Effect<ReadonlyArray<RecordedEvent>, unknown, EventStore | SqlClient>
type ReadAfter = (after: Position.Position) => Read

/** Reads the settled events: without an end it would wait for the open appends. */
const readSettled: ReadAfter = Effect.fnUntraced(function* (after) {
  const sql = yield* SqlClient
  const store = yield* EventStore
  const [row] = yield* sql<{ readonly settled: bigint }>`
    SELECT ${sql(`${yield* PostgresSchema}.settled_position`)}() AS settled`
  return yield* Stream.runCollect(store.readAll({ after, upTo: Position.make(row?.settled ?? 0n) }))
})

/** Reads the newest visible position, settled or not. */
const newest = Effect.gen(function* () {
  const sql = yield* SqlClient
  const [row] = yield* sql<{ newest: bigint }>`
    SELECT coalesce(max(position), 0) AS newest FROM daybook.events`
  return Position.make(row?.newest ?? 0n)
})

/**
 * Reads pages by position over a log in which an earlier position commits after a later one, and
 * returns the missed events.
 */
const missedBehindAnOpenAppend = <R>(
  read: (after: Position.Position) => Effect.Effect<ReadonlyArray<Position.Position>, unknown, R>
) =>
  Effect.gen(function* () {
    const start = yield* newest
    const early = yield* heldOpen
    const late = yield* appendOne
    assert.isTrue(early.position < late)
    const first = yield* read(start)
    yield* early.end("commit")
    const second = yield* read(first.at(-1) ?? start)
    const seen = [...first, ...second]
    return [early.position, late].filter((position) => !seen.includes(position))
  })

const positionsAfter = (after: Position.Position) =>
  Effect.map(readSettled(after), (events) => events.map((event) => event.position))

/**
 * Returns the settled position by `reader` when, between its two looks, an append begins and stays
 * open and a later one commits.
 *
 * In a log of its own `newest_append` waits at a gate before and after it looks, for this reader
 * only.
 */
const settledAcross = (reader: "settled_position" | "settled_position_swapped") =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    const log = SchemaName.make(`gated_${reader}`)
    const context = yield* Layer.build(
      Layer.fresh(EventStorePostgres.layer).pipe(
        Layer.provideMerge(Layer.fresh(PostgresMigrations.layer)),
        Layer.provide(Layer.succeed(PostgresSchema, log))
      )
    )
    yield* sql.unsafe(`
      CREATE OR REPLACE FUNCTION ${log}.newest_append() RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
      DECLARE newest bigint;
      BEGIN
        IF current_setting('test.gated', true) = 'on' THEN
          PERFORM pg_advisory_xact_lock_shared(7, 7);
        END IF;
        SELECT CASE WHEN is_called THEN last_value ELSE last_value - 1 END
          INTO newest FROM ${log}.append_number;
        IF current_setting('test.gated', true) = 'on' THEN
          PERFORM pg_advisory_xact_lock_shared(7, 8);
        END IF;
        RETURN newest;
      END $$`)
    yield* sql.unsafe(`
      CREATE FUNCTION ${log}.settled_position_swapped() RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
      DECLARE open_appends bigint;
      BEGIN
        SELECT count(*) INTO open_appends FROM pg_locks WHERE locktype = 'advisory'
          AND objsubid = 2 AND classid = '${log}.append_number'::regclass::oid;
        RETURN CASE WHEN open_appends = 0 THEN ${log}.newest_append() * 1024 ELSE 0 END;
      END $$`)
    const opened = yield* Deferred.make<void>()
    const closed = yield* Deferred.make<void>()
    const gate = yield* sql
      .withTransaction(
        Effect.gen(function* () {
          // Before the look for the swapped reader, after it for the real one: both are between the
          // two looks.
          yield* sql`SELECT pg_advisory_xact_lock(7, ${reader === "settled_position" ? 8 : 7}::int)`
          yield* Deferred.succeed(closed, undefined)
          yield* Deferred.await(opened)
        })
      )
      .pipe(Effect.forkChild({ startImmediately: true }))
    yield* Deferred.await(closed)
    const reading = yield* sql
      .withTransaction(
        Effect.andThen(
          sql`SELECT set_config('test.gated', 'on', true)`,
          sql.unsafe<{ settled: bigint }>(`SELECT ${log}.${reader}() AS settled`)
        )
      )
      .pipe(Effect.forkChild({ startImmediately: true }))
    const waiting = Effect.map(
      sql`SELECT FROM pg_locks WHERE locktype = 'advisory' AND classid = 7 AND NOT granted`,
      (rows) => rows.length > 0
    )
    while (!(yield* waiting)) yield* Effect.yieldNow
    const inLog = Effect.provideService(EventStore, Context.get(context, EventStore))
    const early = yield* inLog(heldOpen)
    const late = yield* inLog(appendOne)
    yield* Deferred.succeed(opened, undefined)
    yield* Fiber.join(gate)
    const [row] = yield* Fiber.join(reading)
    yield* early.end("commit")
    return { early: early.position, late, settled: Position.make(row?.settled ?? 0n) }
  }).pipe(Effect.scoped)

const kinds = [
  ["The order of a log in Postgres", server],
  ["The order of a log in partitions", serverPartitioned]
] as const

for (const [title, log] of kinds) {
  layer(log.pipe(Layer.provideMerge(SecureRandom.layerWebCrypto)), {
    timeout: 60_000,
    excludeTestServices: true
  })(title, (it) => {
    it.effect("loses no event of an append that commits after later ones", () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* missedBehindAnOpenAppend(positionsAfter), [])
      })
    )

    it.effect("catches a reader that pages by position alone", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient
        const missed = yield* missedBehindAnOpenAppend((after) =>
          Effect.map(
            sql<{ position: bigint }>`
              SELECT position FROM daybook.events WHERE position > ${after} ORDER BY position`,
            (rows) => rows.map((row) => Position.make(row.position))
          )
        )
        assert.strictEqual(missed.length, 1)
      })
    )

    it.effect("looks at the newest append before it looks for open ones", () =>
      Effect.gen(function* () {
        const { early, late, settled } = yield* settledAcross("settled_position")
        assert.isTrue(settled < early && early < late)
      })
    )

    it.effect("catches a reader that looks for open appends first", () =>
      Effect.gen(function* () {
        const { early, late, settled } = yield* settledAcross("settled_position_swapped")
        // Then `late` would be read and `early` missed for ever.
        assert.isTrue(early < late && late <= settled)
      })
    )

    it.effect("refuses to read under a snapshot that hides what is settled", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient
        const error = yield* sql
          .withTransaction(
            Effect.andThen(
              sql`SET TRANSACTION ISOLATION LEVEL REPEATABLE READ`,
              Effect.flatMap(EventStore, (store) => Stream.runDrain(store.readAll()))
            )
          )
          .pipe(Effect.flip)
        assert.include(String(error), "reading the log needs READ COMMITTED, not repeatable read")
      })
    )

    it.effect("crosses the gap of an append that was rolled back", () =>
      Effect.gen(function* () {
        const start = yield* newest
        const gap = yield* heldOpen
        const after = yield* appendOne
        assert.deepStrictEqual(yield* positionsAfter(start), [])
        const exit = yield* gap.end("roll back")
        assert.isTrue(Exit.isFailure(exit))
        assert.deepStrictEqual(yield* positionsAfter(start), [after])
      })
    )

    it.effect("crosses the gap of an append whose connection was killed", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient
        const start = yield* newest
        yield* heldOpen
        const after = yield* appendOne
        yield* sql`SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
          WHERE state = 'idle in transaction' AND datname = current_database()`
        assert.deepStrictEqual(yield* positionsAfter(start), [after])
      })
    )

    it.effect("is not delayed by an unrelated transaction that idles", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient
        const start = yield* newest
        const begun = yield* Deferred.make<void>()
        const done = yield* Deferred.make<void>()
        const idle = yield* sql
          .withTransaction(
            Effect.gen(function* () {
              yield* sql`CREATE TABLE unrelated AS SELECT pg_current_xact_id()::text AS id`
              yield* sql`SELECT pg_advisory_xact_lock_shared(1, 1), pg_advisory_xact_lock(2)`
              yield* Deferred.succeed(begun, undefined)
              yield* Deferred.await(done)
            })
          )
          .pipe(Effect.forkChild({ startImmediately: true }))
        yield* Deferred.await(begun)
        const position = yield* appendOne
        assert.deepStrictEqual(yield* positionsAfter(start), [position])
        yield* Deferred.succeed(done, undefined)
        yield* Fiber.join(idle)
      })
    )

    it.effect("is not delayed by an open append in another log of the same database", () =>
      Effect.gen(function* () {
        const other = yield* Layer.build(
          Layer.fresh(EventStorePostgres.layer).pipe(
            Layer.provideMerge(Layer.fresh(PostgresMigrations.layer)),
            Layer.provide(Layer.succeed(PostgresSchema, SchemaName.make("another_log")))
          )
        )
        const inOther = <A, E>(
          effect: Effect.Effect<A, E, EventStore | SqlClient | SecureRandom.SecureRandom>
        ) =>
          effect.pipe(
            Effect.provideService(EventStore, Context.get(other, EventStore)),
            Effect.provideService(PostgresSchema, SchemaName.make("another_log"))
          )
        const start = yield* newest
        const open = yield* inOther(heldOpen)
        const position = yield* appendOne
        assert.deepStrictEqual(yield* positionsAfter(start), [position])
        assert.deepStrictEqual(yield* inOther(positionsAfter(Position.start)), [])
        yield* open.end("commit")
        assert.deepStrictEqual(yield* inOther(positionsAfter(Position.start)), [open.position])
      })
    )

    it.effect("keeps the order where the low half of an append's number turns over", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient
        for (const edge of [2n ** 31n, 2n ** 32n, 3n * 2n ** 31n, 2n ** 40n]) {
          yield* sql`SELECT setval('daybook.append_number', ${edge - 2n})`
          // An open append before, at and after the edge, and one later append after each.
          for (let step = 0; step < 4; step++) {
            assert.deepStrictEqual(yield* missedBehindAnOpenAppend(positionsAfter), [])
          }
        }
      })
    )

    it.effect("shows each event once and in order to readers that page while writers write", () =>
      Effect.gen(function* () {
        const start = yield* newest
        const sql = yield* SqlClient
        const write = (writer: number) =>
          Effect.forEach(
            Array.from({ length: 60 }, (_, n) => n),
            (n) =>
              // Every third append is rolled back, and every fifth waits for another statement
              // first.
              sql
                .withTransaction(
                  Effect.gen(function* () {
                    const position = yield* appendOne
                    if (n % 5 === 0) yield* sql`SELECT 1`
                    return n % 3 === writer % 3 ? yield* Effect.fail("rolled back") : position
                  })
                )
                .pipe(Effect.option),
            { concurrency: 1 }
          )
        const writers = yield* Effect.forEach([0, 1, 2, 3, 4, 5, 6, 7], write, {
          concurrency: "unbounded"
        }).pipe(Effect.forkChild({ startImmediately: true }))
        const follow = Effect.gen(function* () {
          const seen: Array<Position.Position> = []
          for (let done = false; !done;) {
            // Checked before the read, so that the last read comes after the last append.
            done = writers.pollUnsafe() !== undefined
            seen.push(...(yield* positionsAfter(seen.at(-1) ?? start)))
          }
          return seen
        })
        const readers = yield* Effect.all([follow, follow], { concurrency: "unbounded" })
        const written = (yield* Fiber.join(writers))
          .flat()
          .flatMap((position) => (position._tag === "Some" ? [position.value] : []))
          .toSorted((a, b) => (a < b ? -1 : 1))
        assert.isAbove(written.length, 300)
        for (const seen of readers) assert.deepStrictEqual(seen, written)
      })
    )

    it.effect(
      "bounds the idle time of an append's transaction, unless a setting bounds it already",
      () =>
        Effect.gen(function* () {
          const sql = yield* SqlClient
          const bound = Effect.map(
            sql<{ readonly bound: string }>`
          SELECT current_setting('idle_in_transaction_session_timeout') AS bound`,
            ([row]) => row?.bound
          )
          const during = (preparation: Effect.Effect<unknown, SqlError>) =>
            sql.withTransaction(Effect.andThen(Effect.andThen(preparation, appendOne), bound))
          assert.strictEqual(yield* during(Effect.void), "1min")
          const set = sql`SET LOCAL idle_in_transaction_session_timeout = '7s'`.unprepared
          assert.strictEqual(yield* during(set), "7s")
          assert.strictEqual(yield* bound, "0")
        })
    )
  })
}
