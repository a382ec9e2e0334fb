import { ReadModelStore } from "@daybook/projections/ReadModelStore"
import * as ReadModelTable from "@daybook/projections/driver/ReadModelTable"
import { assert, layer } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Cause from "effect/Cause"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import { SqlClient } from "effect/sql/SqlClient"
import { server } from "./postgresLayers.ts"
import { aggregateOf, takings } from "./Till.ts"

/** Ends the session that it runs in. */
const end = Effect.flatMap(
  SqlClient,
  (sql) => sql`SELECT pg_terminate_backend(pg_backend_pid())`.unprepared
)

layer(server, { timeout: "2 minutes", excludeTestServices: true })(
  "A connection that is lost in a transaction",
  (it) => {
    it.effect("fails an append that keeps rows, with an error of the store", () =>
      Effect.gen(function* () {
        const store = yield* ReadModelStore
        const sql = yield* SqlClient
        const exit = yield* Effect.exit(
          store.inline({
            touches: [],
            append: Effect.provideService(end, SqlClient, sql),
            recorded: () => Effect.succeed([]),
            fold: () => Result.succeed({ upserts: [], deletions: [] })
          })
        )
        assert.isTrue(Exit.isFailure(exit) && !Cause.hasDies(exit.cause), String(exit))
        assert.strictEqual((yield* Effect.flip(exit))._tag, "ReadModelStoreError")
      })
    )

    it.effect("fails a switch to rebuilt rows, with the error that came of it first", () =>
      Effect.gen(function* () {
        const store = yield* ReadModelStore
        const sql = yield* SqlClient
        const table = yield* Effect.fromResult(
          ReadModelTable.make(takings(aggregateOf("till"), "takings"))
        )
        const lease = Duration.minutes(1)
        yield* store.open(table)
        const { claim } = yield* store.beginShadow(table, { parallelism: 1, owner: "a", lease })
        const claimed = Option.getOrThrow(claim)
        const ended = yield* Effect.exit(
          store.promote(table, claimed, {
            compare: true,
            catchUp: () =>
              Effect.provideService(end, SqlClient, sql).pipe(Effect.mapError(() => "ended"))
          })
        )
        assert.isTrue(Exit.isFailure(ended) && !Cause.hasDies(ended.cause), String(ended))
        assert.strictEqual(yield* Effect.flip(ended), "ended")
        yield* store.release(claimed)
        assert.strictEqual((yield* store.states(table.name))[0]?.role, "serving")
      })
    )
  }
)
