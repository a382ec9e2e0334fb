/**
 * Whatever a read model holds, no statement that names rows reads all of it.
 */
import { ReadModelStore } from "@daybook/projections/ReadModelStore"
import { assert, layer } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import { SqlClient } from "effect/sql/SqlClient"
import * as Stream from "effect/Stream"
import * as PostgresLayers from "./postgresLayers.ts"
import { put, serve, shelves } from "./shelf.ts"

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
        yield* store.step(table, claim, {
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
        // One session, whose counters are complete when it says so.
        yield* sql`SELECT pg_stat_force_next_flush()`
        const [row] = yield* sql<{ readonly scans: bigint }>`
          SELECT seq_scan AS scans FROM pg_stat_user_tables WHERE relname = 'shelves'`
        return row?.scans
      })
      const ask = Effect.gen(function* () {
        // More often than a session takes to decide on the plan of a prepared statement.
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
      // New, so that nothing is known of it.
      for (let n = 0; n < 20; n++) yield* step(Arr.range(n * 500, n * 500 + 499))
      const before = yield* scans
      yield* ask
      yield* sql`ANALYZE read_models.shelves`.unprepared
      yield* ask
      assert.strictEqual(yield* scans, before)
    })
  )
})
