import { assert, layer } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { SqlClient } from "effect/sql/SqlClient"
import { readCommitted } from "../src/internal/postgres/readCommitted.ts"
import { oneConnection } from "./postgresLayers.ts"

layer(oneConnection, { timeout: "1 minute", excludeTestServices: true })(
  "Statements that need READ COMMITTED",
  (it) => {
    it.effect("have it in sessions that begin with another level later", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient
        const level = readCommitted(
          sql,
          sql<{ readonly level: string }>`SELECT current_setting('transaction_isolation') AS level`
        )
        const clock = yield* Clock.Clock
        const secondLater: Clock.Clock = {
          currentTimeMillisUnsafe: () => clock.currentTimeMillisUnsafe() + 1_000,
          currentTimeMillis: Effect.map(clock.currentTimeMillis, (now) => now + 1_000),
          currentTimeNanosUnsafe: () => clock.currentTimeNanosUnsafe(),
          currentTimeNanos: clock.currentTimeNanos,
          monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe(),
          monotonicTimeNanos: clock.monotonicTimeNanos,
          sleep: (duration) => clock.sleep(duration)
        }
        assert.deepStrictEqual(yield* level, [{ level: "read committed" }])
        // The default of a connection that was opened after its role was altered.
        yield* sql`SET default_transaction_isolation = 'serializable'`
        const later = Effect.provideService(level, Clock.Clock, secondLater)
        assert.deepStrictEqual(yield* later, [{ level: "read committed" }])
        // One such session is enough: other sessions of the pool may have the same default.
        yield* sql`SET default_transaction_isolation = 'read committed'`
        yield* later
        yield* sql`SET default_transaction_isolation = 'serializable'`
        assert.deepStrictEqual(yield* level, [{ level: "read committed" }])
      })
    )
  }
)
