/**
 * The position as of an instant on logs whose clocks were set back. No store can append such
 * events, so SQL writes the rows.
 */
import * as Position from "@daybook/kernel/Position"
import { EventStore } from "@daybook/store/EventStore"
import * as PostgresMigrations from "@daybook/store/PostgresMigrations"
import { assert, layer } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Layer from "effect/Layer"
import { SqlClient } from "effect/sql/SqlClient"
import * as Stream from "effect/Stream"
import { answers, instants } from "./instantCases.ts"
import { embedded, embeddedPartitioned, server, serverPartitioned } from "./postgresLayers.ts"

/**
 * Records an event for each second of the list, each the only one of its append, at positions 1,
 * 1025, 2049 and so on.
 */
const record = (seconds: ReadonlyArray<number>) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    for (const [index, second] of seconds.entries()) {
      yield* sql`
        INSERT INTO daybook.events
          (position, occurred_at, recorded_at, event_id, revision, schema_version, stream_id, type, data, metadata)
        VALUES (${BigInt(index) * 1_024n + 1n}, now(), to_timestamp(${second}::integer), gen_random_uuid(), 1, 1,
          ${`order-${index}`}, 'Noted', '{}', '{}')`
    }
    yield* sql`SELECT setval('daybook.append_number', ${seconds.length}::integer)`
  })

/** Enough events for several ranges of blocks, one second apart. */
const EVENTS = 6_000

const cases = <E>(
  title: string,
  store: Layer.Layer<EventStore | SqlClient, E>,
  prepare: Effect.Effect<unknown, unknown, SqlClient>
) =>
  layer(store, { timeout: 120_000, excludeTestServices: true })(`Instants ${title}`, (it) => {
    it.effect("cut the log before the first later event, wherever clocks went", () =>
      Effect.gen(function* () {
        const store = yield* EventStore
        const sql = yield* SqlClient
        assert.strictEqual(yield* store.positionAt({ recordedAt: DateTime.makeUnsafe(0) }), 0n)
        yield* record(instants)
        const ask = Effect.gen(function* () {
          for (const [second, count] of answers) {
            const recordedAt = DateTime.makeUnsafe(second * 1_000)
            // The position before the first one of the next append.
            assert.strictEqual(yield* store.positionAt({ recordedAt }), BigInt(count) * 1_024n)
            const bounded = store.readAll({ recordedAt: { upTo: recordedAt } })
            assert.strictEqual(yield* Stream.runCount(bounded), count)
            const rest = store.readAll({ recordedAt: { after: recordedAt } })
            assert.strictEqual(yield* Stream.runCount(rest), instants.length - count)
          }
        })
        yield* ask
        // The second event at 20 is the first of the rest by position, and the second at 12 the
        // earliest.
        const rest = yield* store.backlog({ after: Position.make(1n) })
        assert.strictEqual(rest.events, 8)
        assert.deepStrictEqual(Option.map(rest.since, DateTime.toEpochMillis), Option.some(12_000))
        yield* sql`ANALYZE daybook.events`
        yield* ask
        // After them a long log, with one event that is later than those that follow it.
        yield* sql`
          INSERT INTO daybook.events
            (position, occurred_at, recorded_at, event_id, revision, schema_version, stream_id, type, data, metadata)
          SELECT (20 + n) * 1024 + 1, now(), to_timestamp(CASE WHEN n = 1234 THEN 150 ELSE 100 + n / 100 END),
            gen_random_uuid(), 1, 1, 'later-' || n, 'Noted', '{}', '{}'
          FROM generate_series(0, ${EVENTS - 1}::integer) n`
        yield* sql`SELECT setval('daybook.append_number', 7000)`
        yield* sql`ANALYZE daybook.events`
        for (const [second, next] of [
          [99, 0],
          [100, 100],
          [111, 1_200],
          // Event 1234, which belongs to second 112, has the time 150.
          [112, 1_234],
          [130, 1_234],
          [149, 1_234],
          [150, 5_100],
          [158, 5_900]
        ] as const) {
          const recordedAt = DateTime.makeUnsafe(second * 1_000)
          assert.strictEqual(yield* store.positionAt({ recordedAt }), BigInt(20 + next) * 1_024n)
        }
        const end = { recordedAt: DateTime.makeUnsafe(159_000) }
        assert.strictEqual(yield* store.positionAt(end), 7_000n * 1_024n)
        // Blocks that are in no summary of the index are read, so none may be left.
        yield* prepare
        const [left] = yield* sql<{ readonly ranges: bigint }>`
          SELECT sum(brin_summarize_new_values(i.indexrelid)) AS ranges FROM pg_index i
          JOIN pg_class c ON c.oid = i.indexrelid AND c.relkind = 'i' AND c.relname ~ 'recorded_at'
          JOIN pg_am m ON m.oid = c.relam WHERE m.amname = 'brin'`
        assert.strictEqual(left?.ranges, 0n)
      })
    )
  })

cases("on a server", server, PostgresMigrations.migrate)
cases("in partitions on a server", serverPartitioned, PostgresMigrations.migrate)
// There only the query itself makes summaries.
cases("embedded", embedded, Effect.void)
cases("in partitions embedded", embeddedPartitioned, Effect.void)
