/**
 * No statement that names rows reads the whole table, whatever the read model holds.
 */
import { ReadModelStore } from "@daybook/projections/ReadModelStore"
import type { Condition } from "@daybook/projections/driver/RowQuery"
import { assert, layer } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import { SqlClient } from "effect/sql/SqlClient"
import * as Stream from "effect/Stream"
import * as PostgresLayers from "./postgresLayers.ts"
import { put, serve, shelves } from "./shelf.ts"
import { take } from "./taking.ts"

const everything = { where: [], orderBy: [], after: Option.none(), limit: Option.none() }

layer(PostgresLayers.oneConnection, { timeout: "1 minute" })("The plans of read models", (it) => {
  it.effect("look rows up by an index, few and many, before and after statistics", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient
      const store = yield* ReadModelStore
      const table = shelves({ name: "shelves" })
      const shelf = (n: number) => ({ shelf: `shelf ${String(n).padStart(6, "0")}` })
      const row = (n: number) => ({ ...shelf(n), item: "a mug", count: n })
      const claim = yield* serve(table, [])
      let position = 1
      const step = Effect.fnUntraced(function* (numbers: ReadonlyArray<number>, deleting = false) {
        yield* take(store, table, claim, {
          ...put(position, position + 1, []),
          keys: numbers.map(shelf),
          fold: () =>
            Result.succeed(
              deleting
                ? { upserts: [], deletions: numbers.map(shelf) }
                : { upserts: numbers.map(row), deletions: [] }
            )
        })
        position++
      })
      const scans = Effect.gen(function* () {
        // With one session, the counters are complete after the flush.
        yield* sql`SELECT pg_stat_force_next_flush()`
        const [row] = yield* sql<{ readonly scans: bigint }>`
          SELECT seq_scan AS scans FROM pg_stat_user_tables WHERE relname = 'shelves'`
        return row?.scans
      })
      const ask = Effect.gen(function* () {
        // More runs than a session needs to decide on the plan of a prepared statement.
        for (let n = 0; n < 8; n++) {
          yield* step(Arr.range(n * 300, n * 300 + 299))
          yield* step([n, 5_000 + n])
          yield* step([n])
          yield* step([n], true)
          yield* step(Arr.range(n * 300, n * 300 + 99), true)
          yield* store.get(table, shelf(n))
          const { where } = everything
          const is = "equal" as const
          const byIndex = { ...everything, where: [{ field: "count", is, values: [n] }] }
          const byKey = {
            ...everything,
            where,
            after: Option.some(row(3_000)),
            limit: Option.some(5)
          }
          const byCount = {
            ...everything,
            orderBy: [{ field: "count", direction: "desc" as const }],
            limit: Option.some(5)
          }
          for (const query of [byIndex, byKey, byCount]) {
            yield* Stream.runDrain(store.query(table, query))
          }
        }
      })
      // The table is new and has no statistics yet.
      for (let n = 0; n < 20; n++) yield* step(Arr.range(n * 500, n * 500 + 499))
      const before = yield* scans
      yield* ask
      yield* sql`ANALYZE read_models.shelves`.unprepared
      yield* ask
      assert.strictEqual(yield* scans, before)
    })
  )

  it.effect("reads few rows of a rare value where it has read many of a common one", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient
      const store = yield* ReadModelStore
      const table = shelves({ name: "uneven_shelves" })
      const claim = yield* serve(table, [])
      const [common, rare, rarer] = [8, 9, 10]
      // The rows with rare values are the last by key, so that a walk along the key visits all
      // rows.
      for (let n = 0; n < 20; n++) {
        const rows = Arr.makeBy(1_000, (m) => {
          const at = n * 1_000 + m
          const count = at < 19_996 ? at % 9 : at < 19_998 ? rare : rarer
          return [`shelf ${String(at).padStart(6, "0")}`, count] as const
        })
        yield* take(store, table, claim, put(n + 1, n + 2, rows))
      }
      yield* sql`VACUUM ANALYZE read_models.uneven_shelves`.unprepared
      const fetched = Effect.gen(function* () {
        yield* sql`SELECT pg_stat_force_next_flush()`
        const [row] = yield* sql<{ readonly rows: bigint }>`
          SELECT (seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint AS rows
          FROM pg_stat_user_tables WHERE relname = 'uneven_shelves'`
        return Number(row?.rows)
      })
      const ask = (where: ReadonlyArray<Condition>, limit: Option.Option<number>) =>
        Effect.gen(function* () {
          const before = yield* fetched
          const found = yield* Stream.runCount(store.query(table, { ...everything, where, limit }))
          return { found, fetched: (yield* fetched) - before }
        })
      const equal = (count: number) => [{ field: "count", is: "equal" as const, values: [count] }]
      const above = (count: number) => [{ field: "count", is: "above" as const, values: [count] }]
      const oneOf = (...values: ReadonlyArray<number>) => [
        { field: "count", is: "oneOf" as const, values }
      ]
      const [some, all] = [Option.some(5), Option.none<number>()]
      // More runs than a session needs to decide on the plan of a prepared statement.
      for (let n = 0; n < 8; n++) {
        for (const limit of [some, Option.some(500)]) {
          assert.strictEqual((yield* ask(equal(common), limit)).found, Option.getOrThrow(limit))
          yield* ask(above(7), limit)
          yield* ask(oneOf(common, rare), limit)
        }
      }
      for (const limit of [some, all]) {
        for (const [where, found] of [
          [equal(rare), 2],
          [above(common), 4],
          [oneOf(rare, rarer), 4]
        ] as const) {
          const answer = yield* ask(where, limit)
          assert.strictEqual(answer.found, found)
          assert.isAtMost(answer.fetched, 10, JSON.stringify(where))
        }
        // Every ninth row has the common value.
        assert.isAtMost((yield* ask(equal(common), some)).fetched, 50)
      }
    })
  )
})
