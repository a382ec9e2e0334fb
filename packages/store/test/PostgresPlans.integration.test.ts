/**
 * No statement of the store reads the whole log, or sorts rows whose number grows, whatever the log
 * holds.
 */
import * as EventMark from "@daybook/kernel/EventMark"
import * as EventId from "@daybook/kernel/EventId"
import type { NewEvent } from "@daybook/kernel/NewEvent"
import * as Position from "@daybook/kernel/Position"
import * as Revision from "@daybook/kernel/Revision"
import * as StreamId from "@daybook/kernel/StreamId"
import { EventStore, type Until } from "@daybook/store/EventStore"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import { FoldFingerprint } from "@daybook/store/FoldFingerprint"
import * as PostgresMigrations from "@daybook/store/PostgresMigrations"
import { SnapshotStore } from "@daybook/store/SnapshotStore"
import * as SnapshotStorePostgres from "@daybook/store/SnapshotStorePostgres"
import * as PostgresServer from "@daybook/testing/PostgresServer"
import { assert, layer } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as Config from "effect/Config"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import { SqlClient } from "effect/sql/SqlClient"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import { partition } from "./postgresLayers.ts"

// One session, whose counters are complete when it reports them.
const logOf = <E>(further: Effect.Effect<unknown, E, SqlClient>) =>
  Layer.mergeAll(EventStorePostgres.layer, SnapshotStorePostgres.layer).pipe(
    Layer.provideMerge(Layer.effectDiscard(further)),
    Layer.provideMerge(PostgresMigrations.layer),
    Layer.provideMerge(PostgresServer.layerClient({ maxConnections: 1 })),
    Layer.provide(PostgresServer.PostgresServer.layer)
  )

/** The texts of the statements that ran. */
const statements = new Set<string>()
/** The number of statements that ran. */
let asked = 0
const listening = Layer.succeed(
  Tracer.Tracer,
  Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      const attribute = span.attribute.bind(span)
      span.attribute = (key, value) => {
        if (key === "db.query.text") {
          statements.add(String(value))
          asked++
        }
        attribute(key, value)
      }
      return span
    }
  })
)

const freshId = Effect.sync(() => SecureRandom.uuidV4Unsafe())

const newEvents = (count: number): Arr.NonEmptyReadonlyArray<NewEvent> =>
  Arr.makeBy(count, (n) => ({
    id: EventId.make(SecureRandom.uuidV4Unsafe()),
    type: n % 2 === 0 ? "Noted" : "Sold",
    schemaVersion: 1,
    data: {},
    metadata: {},
    occurredAt: DateTime.makeUnsafe(0)
  }))

const fold = FoldFingerprint.make("0f".repeat(32))
const category = StreamId.Category.make("note")
const noteId = Effect.flatMap(freshId, (id) => Effect.fromResult(StreamId.make(category, id)))

/** Calls every operation of a store, on a stream of its own. */
const askEverything = Effect.gen(function* () {
  const store = yield* EventStore
  const snapshots = yield* SnapshotStore
  const { any, exactly, noStream } = ExpectedRevision
  const [one, two] = [yield* noteId, yield* noteId]
  const events = newEvents(3)
  yield* store.append({ streamId: one, expected: noStream, events: newEvents(1) })
  const { position } = yield* store.append({ streamId: one, expected: any, events })
  yield* store.append({ streamId: one, expected: any, events })
  yield* Effect.flip(
    store.append({ streamId: one, expected: exactly(Revision.make(9)), events: newEvents(1) })
  )
  yield* store.appendAll({
    appends: [{ streamId: two, expected: noStream, events: newEvents(2) }],
    checks: [{ streamId: one, expected: exactly(Revision.make(4)) }]
  })
  yield* Effect.all(
    Arr.makeBy(8, () => store.append({ streamId: two, expected: any, events: newEvents(2) })),
    { concurrency: "unbounded" }
  )
  // The first is read at once, and the others together.
  yield* Effect.all(
    [one, one, one].map((streamId) => Stream.runDrain(store.read(streamId))),
    { concurrency: "unbounded" }
  )
  yield* Stream.runDrain(store.read(one))
  yield* Stream.runDrain(store.read(one, { direction: "backward", limit: 2 }))
  yield* Stream.runDrain(store.read(one, { types: ["Sold"] }))
  yield* Stream.runDrain(store.read(one, { types: ["Sold"], direction: "backward" }))
  yield* Stream.runDrain(store.read(one, { until: { occurredAt: DateTime.makeUnsafe(0) } }))
  yield* Stream.runDrain(store.read(one, { until: { recordedAt: DateTime.makeUnsafe(0) } }))
  const after = Position.make(position > 9_000n ? position - 9_000n : 0n)
  for (const direction of ["forward", "backward"] as const) {
    for (const filter of [{}, { categories: [category] }, { types: ["Sold"] }]) {
      yield* Stream.runDrain(store.readAll({ after, direction, limit: 20, ...filter }))
    }
  }
  const filters = [
    {},
    { categories: [category] },
    { types: ["Sold"] },
    { categories: [category], types: ["Sold"] },
    { streamId: one },
    { streamId: one, types: ["Sold"] }
  ]
  for (const filter of filters) {
    yield* store.backlog({ after, ...filter })
    yield* Stream.runHead(store.subscribe({ after, ...filter }))
  }
  yield* store.head
  yield* store.stream(one)
  yield* Stream.runDrain(store.streams({ category, limit: 20 }))
  yield* store.positionAt({ recordedAt: DateTime.makeUnsafe(0) })
  yield* store.positionAt({ recordedAt: yield* DateTime.now })
  yield* store.find(events.map(({ id }) => id))
  yield* snapshots.load(one, { atOrBelow: Revision.make(3) })
  const snapshot = { streamId: one, revision: Revision.make(3), fingerprint: fold }
  yield* snapshots.save({ ...snapshot, event: EventMark.at(events[0].id, 0), state: {} })
  yield* snapshots.prune(snapshot, 2)
  yield* snapshots.delete(one)
})

const decodePlan = Schema.decodeUnknownEffect(
  Schema.NonEmptyArray(Schema.Struct({ Plan: Schema.Json, JIT: Schema.optional(Schema.Json) }))
)

/** Returns the types of the nodes of a plan, without scans of tables that are named as small. */
const nodes = (plan: Schema.Json, small: ReadonlySet<unknown>): ReadonlyArray<unknown> => {
  if (!Predicate.isObject(plan)) return []
  const children = Predicate.hasProperty(plan, "Plans") ? plan.Plans : []
  // A plan is JSON, and so is each part.
  return [
    ...(small.has(plan["Relation Name"]) ? [] : [plan["Node Type"]]),
    ...(Array.isArray(children)
      ? (children as ReadonlyArray<Schema.Json>).flatMap((child) => nodes(child, small))
      : [])
  ]
}

const kinds = [
  ["The plans of the store", Effect.void],
  ["The plans of the store in partitions", partition]
] as const

/** Appends `thousands` thousand events to streams of a category. */
const fill = Effect.fnUntraced(function* (of: StreamId.Category, thousands: number) {
  const store = yield* EventStore
  for (let n = 0; n < thousands; n++) {
    yield* store.append({
      streamId: yield* Effect.fromResult(StreamId.make(of, yield* freshId)),
      expected: ExpectedRevision.any,
      events: newEvents(1_000)
    })
  }
})

for (const [title, further] of kinds) {
  layer(logOf(further).pipe(Layer.provideMerge(listening)), { timeout: 120_000 })(title, (it) => {
    it.effect(
      "are compiled for no function of the log, which would take longer than its work",
      () =>
        Effect.gen(function* () {
          const sql = yield* SqlClient
          const functions = yield* sql<{ readonly name: string; readonly settings: string | null }>`
          SELECT p.proname::text AS name, array_to_string(p.proconfig, ', ') AS settings
          FROM pg_proc p WHERE p.pronamespace = 'daybook'::regnamespace AND (p.prosecdef
             OR p.proname IN ('foreign_code', 'lock_read_models')) ORDER BY 1`
          assert.deepStrictEqual(
            functions.map(({ name }) => name),
            [
              "append",
              "foreign_code",
              "lock_read_models",
              "look_at_log",
              "newest_append",
              "position_at",
              "record_act",
              "settled_position",
              "try_append",
              "try_append_event"
            ]
          )
          // Finding no compiler at work proves something only where the server should have one
          // (scripts/test-server.ts).
          const jit = yield* Config.String("DAYBOOK_POSTGRES_JIT").pipe(Config.withDefault(""))
          if (jit === "1") {
            const [server] = yield* sql<{ readonly compiles: boolean }>`
              SELECT pg_jit_available() AS compiles`
            assert.isTrue(server?.compiles)
          }
          // A forbidden plan costs more than jit_above_cost, and is used where there is no other.
          for (const { name, settings } of functions)
            assert.include(settings ?? "", "jit=off", name)
        })
    )

    it.effect("read no table from end to end, and sort no more than was asked for at once", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient
        yield* fill(category, 20)
        yield* sql`ANALYZE daybook.events`.unprepared
        const scans = Effect.gen(function* () {
          yield* sql`SELECT pg_stat_force_next_flush()`
          const [row] = yield* sql<{ readonly scans: bigint }>`
          SELECT sum(seq_scan)::bigint AS scans FROM pg_stat_user_tables
          WHERE schemaname = 'daybook' AND relname ~ '^(events|recorded_ids|snapshots)'
            AND (${further === partition} IS FALSE OR n_live_tup > 1000)`
          return row?.scans
        })
        const before = yield* scans
        // More often than a session takes to decide on the plan of a prepared statement.
        for (let n = 0; n < 8; n++) yield* askEverything
        assert.strictEqual(yield* scans, before)

        // Statements that join the arrays of a caller sort them; the others find their rows in
        // order.
        const texts = [...statements].filter((text) =>
          /^\s*(SELECT|WITH)(?!.*(unnest|try_append|"append")).*FROM "daybook"/s.test(text)
        )
        assert.isAtLeast(texts.length, 15)
        // A page of streams, and the revision of a position.
        assert.isAtLeast(texts.filter((text) => /^\s*WITH RECURSIVE/.test(text)).length, 2)
        // All partitions but one have few rows or none.
        const few = yield* sql<{ readonly name: string }>`
          SELECT relname::text AS name FROM pg_stat_user_tables WHERE schemaname = 'daybook'
            AND relname ~ '^events_' AND n_live_tup <= 1000`
        // The passed-over events are read completely, once per statement, and are few.
        const small = new Set<unknown>([...few.map(({ name }) => name), "passed_over"])
        yield* sql`SET plan_cache_mode = force_generic_plan`.unprepared
        for (const [index, text] of texts.entries()) {
          const values = Array.from(new Set(text.match(/\$\d+/g)), () => "NULL").join(", ")
          yield* sql.unsafe(`PREPARE asked_${index} AS ${text}`).unprepared
          const rows = yield* sql.unsafe<{ readonly "QUERY PLAN": Schema.Json }>(
            `EXPLAIN (FORMAT JSON) EXECUTE asked_${index}${values === "" ? "" : `(${values})`}`
          ).unprepared
          const [{ JIT: compiled, Plan: plan }] = yield* decodePlan(rows[0]?.["QUERY PLAN"])
          assert.isUndefined(compiled, text)
          // A page of streams is sorted once it is found.
          const isPage = /^\s*WITH RECURSIVE listed/.test(text)
          for (const type of nodes(plan, small)) {
            assert.notInclude(isPage ? ["Seq Scan"] : ["Seq Scan", "Sort"], type, text)
          }
        }
        yield* sql`SET plan_cache_mode = auto`.unprepared
      })
    )

    it.effect("reads few rows of a rare category where it has read many of a common one", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient
        const store = yield* EventStore
        const [rare, rarer] = [StreamId.Category.make("rare"), StreamId.Category.make("rarer")]
        yield* store.append({
          streamId: yield* Effect.fromResult(StreamId.make(rare, "1")),
          expected: ExpectedRevision.any,
          events: newEvents(2)
        })
        yield* fill(category, 20)
        yield* sql`ANALYZE daybook.events`.unprepared
        const fetched = Effect.gen(function* () {
          yield* sql`SELECT pg_stat_force_next_flush()`
          const [row] = yield* sql<{ readonly rows: bigint }>`
            SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint AS rows
            FROM pg_stat_user_tables WHERE schemaname = 'daybook' AND relname ~ '^events'`
          return Number(row?.rows)
        })
        const ask = (categories: ReadonlyArray<StreamId.Category>) =>
          Effect.gen(function* () {
            for (const direction of ["forward", "backward"] as const) {
              yield* Stream.runDrain(store.readAll({ categories, direction, limit: 2 }))
            }
            yield* Stream.runHead(store.subscribe({ categories }))
            return (yield* store.backlog({ categories })).events
          })
        // More often than a session takes to decide on the plan of a prepared statement.
        for (let n = 0; n < 8; n++) {
          yield* ask([category])
          yield* ask([category, rare])
        }
        for (const categories of [[rare], [rare, rarer]]) {
          const before = yield* fetched
          assert.strictEqual(yield* ask(categories), 2)
          // Twice: two rows forward and two backward, a page of them and their count, and no others
          // of 20,000.
          assert.isAtMost((yield* fetched) - before, 40)
        }
      })
    )

    it.effect("reads hardly more rows of several categories than a page has", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient
        const store = yield* EventStore
        const names = ["one", "two", "three", "four"].map((name) => StreamId.Category.make(name))
        // In turns of 50, so that a page holds about as many of each category.
        for (let n = 0; n < 120; n++) {
          yield* store.append({
            streamId: StreamId.StreamId.make(`${names[n % 4]}-1`),
            expected: ExpectedRevision.any,
            events: newEvents(50)
          })
        }
        yield* sql`ANALYZE daybook.events`.unprepared
        const fetched = Effect.gen(function* () {
          yield* sql`SELECT pg_stat_force_next_flush()`
          const [row] = yield* sql<{ readonly rows: bigint }>`
            SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint AS rows
            FROM pg_stat_user_tables WHERE schemaname = 'daybook' AND relname ~ '^events'`
          return Number(row?.rows)
        })
        for (const direction of ["forward", "backward"] as const) {
          const before = yield* fetched
          const read = yield* Stream.runCollect(
            store.readAll({ categories: names, direction, limit: 1_000 })
          )
          assert.lengthOf(read, 1_000)
          // A page of each category would be 4,000 rows; each reads a quarter of a page, and half
          // as much again.
          assert.isAtMost((yield* fetched) - before, 1_600)
        }
      })
    )

    it.effect("reads few rows for the position as of an instant, and for a page of streams", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient
        const store = yield* EventStore
        // This reads few rows: rows that another session of the pool has read are counted later.
        const [start] = yield* sql<{ readonly recorded_at: Date }>`
          SELECT recorded_at FROM daybook.events
          WHERE position > (SELECT max(position) / 2 FROM daybook.events) ORDER BY position LIMIT 1`
        const recordedAt = DateTime.makeUnsafe(start?.recorded_at ?? 0)
        const fetched = Effect.gen(function* () {
          yield* sql`SELECT pg_stat_force_next_flush()`
          const [row] = yield* sql<{ readonly rows: bigint }>`
            SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint AS rows
            FROM pg_stat_user_tables WHERE schemaname = 'daybook' AND relname ~ '^events'`
          return Number(row?.rows)
        })
        const costs = Effect.fnUntraced(function* <E>(effect: Effect.Effect<unknown, E>) {
          const before = yield* fetched
          yield* effect
          return (yield* fetched) - before
        })
        // As autovacuum does in its own time, and as each migration does.
        yield* PostgresMigrations.migrate
        // A range of 32 blocks has fewer than 2,000 of these rows, and there are at least 40,000.
        for (const instant of [
          recordedAt,
          DateTime.makeUnsafe(0),
          DateTime.makeUnsafe("2100-01-01")
        ]) {
          assert.isAtMost(yield* costs(store.positionAt({ recordedAt: instant })), 6_000)
        }
        // Each stream is looked up twice, to find it and its last event, in each of 13 partitions;
        // between two streams lie 1,000 events.
        const listing = Stream.runDrain(store.streams({ category, limit: 20 }))
        assert.isAtMost(yield* costs(listing), further === partition ? 60 * 13 : 60)
      })
    )

    it.effect("looks for types in pieces, and not in all of the log at once", () =>
      Effect.gen(function* () {
        const store = yield* EventStore
        const statementsOf = Effect.fnUntraced(function* <E>(effect: Effect.Effect<unknown, E>) {
          const before = asked
          yield* effect
          return asked - before
        })
        // There are at least 40,000 events, and a piece has 10,000.
        const types = ["Never"]
        for (const direction of ["forward", "backward"] as const) {
          const reading = Stream.runDrain(store.readAll({ types, direction }))
          assert.isAtLeast(yield* statementsOf(reading), 8)
        }
        assert.isAtLeast(yield* statementsOf(store.backlog({ types })), 8)
        assert.strictEqual(yield* statementsOf(store.head), 1)

        // Of a stream of 11,000 events, 10,000 are scanned at once for the time they occurred, and
        // few for the time they were recorded.
        const streamId = yield* noteId
        for (let n = 0; n < 11; n++) {
          yield* store.append({
            streamId,
            expected: ExpectedRevision.any,
            events: newEvents(1_000)
          })
        }
        const now = DateTime.makeUnsafe("2100-01-01")
        const until = (until: Until) =>
          statementsOf(
            Stream.runDrain(store.read(streamId, { until, direction: "backward", limit: 1 }))
          )
        assert.strictEqual(yield* until({ occurredAt: now }), 4)
        assert.strictEqual(yield* until({ recordedAt: now }), 2)
      })
    )
  })
}
