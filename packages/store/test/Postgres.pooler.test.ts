import { EventStore } from "@daybook/store/EventStore"
import * as Postgres from "@daybook/store/Postgres"
import { PoolerForgetsStatements } from "@daybook/store/PostgresStart"
import * as StartFailure from "@daybook/store/StartFailure"
import * as PgBouncer from "@daybook/testing/PgBouncer"
import * as PostgresServer from "@daybook/testing/PostgresServer"
import * as PgClient from "@effect/sql-pg/PgClient"
import { assert, layer } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import { note } from "./notes.ts"
import { migrated } from "./postgresLayers.ts"

const clientOf = (settings: Postgres.Settings) =>
  Effect.map(Layer.build(Layer.fresh(Postgres.layerOf(settings))), (context) =>
    Context.get(context, PgClient.PgClient)
  )

const withPrepare = (url: Redacted.Redacted<string>, prepare: string) => {
  const changed = new URL(Redacted.value(url))
  changed.searchParams.set("prepare", prepare)
  return Redacted.make(changed.href)
}

/** Runs eight transactions that are open at the same time, so that sessions change hands. */
const inTurns = (sql: PgClient.PgClient) =>
  Effect.forEach(
    [1, 2, 3, 4, 5, 6, 7, 8],
    (n) => sql.withTransaction(sql<{ readonly n: number }>`SELECT ${n}::int AS n`),
    { concurrency: 8 }
  )

layer(PostgresServer.PostgresServer.layer, { timeout: 60_000, excludeTestServices: true })(
  "A client from Postgres.layer",
  (it) => {
    it.effect("keeps statements prepared on a server, and not behind a pooler", () =>
      Effect.gen(function* () {
        const url = yield* PostgresServer.freshDatabase
        assert.strictEqual((yield* clientOf({ url })).config.prepare, true)
        for (const mode of ["transaction", "session"] as const) {
          const pooled = yield* PgBouncer.before(url, { mode })
          assert.strictEqual((yield* clientOf({ url: pooled })).config.prepare, false)
        }
      }).pipe(Effect.scoped)
    )

    it.effect("does as its URL says, unless the setting says otherwise", () =>
      Effect.gen(function* () {
        const url = yield* PostgresServer.freshDatabase
        const pooled = yield* PgBouncer.before(url, { mode: "session" })
        const prepares = [
          yield* clientOf({ url: withPrepare(url, "false") }),
          yield* clientOf({ url: withPrepare(url, "false"), prepare: true }),
          yield* clientOf({ url: withPrepare(pooled, "true") }),
          yield* clientOf({ url: withPrepare(pooled, "true"), prepare: false })
        ]
        assert.deepStrictEqual(
          prepares.map(({ config }) => config.prepare),
          [false, true, true, false]
        )
      }).pipe(Effect.scoped)
    )

    it.effect("is refused prepared statements by a pooler that loses them, in one line", () =>
      Effect.gen(function* () {
        const url = yield* PostgresServer.freshDatabase
        const pooled = yield* PgBouncer.before(url)
        const error = yield* Effect.flip(clientOf({ url: pooled, prepare: true }))
        assert.instanceOf(error, PoolerForgetsStatements)
        const { host, pathname } = new URL(Redacted.value(pooled))
        assert.strictEqual(
          StartFailure.lineOf(error),
          `The pooler of ${pathname.slice(1)} at ${host} as daybook loses prepared statements: ` +
            "set DATABASE_PREPARE=false, or let the pooler keep track of statements"
        )
      }).pipe(Effect.scoped)
    )

    it.effect("runs transactions through a pooler, where prepared statements get lost", () =>
      Effect.gen(function* () {
        const pooled = yield* PgBouncer.before(yield* PostgresServer.freshDatabase)
        const rows = yield* inTurns(yield* clientOf({ url: pooled, maxConnections: 8 }))
        assert.deepStrictEqual(
          rows.flat().map(({ n }) => n),
          [1, 2, 3, 4, 5, 6, 7, 8]
        )
        // The twin: a client without the setting.
        const untold = yield* Layer.build(PgClient.layer({ url: pooled, maxConnections: 8 }))
        const sql = Context.get(untold, PgClient.PgClient)
        const error = yield* Effect.flip(Effect.replicateEffect(inTurns(sql), 20))
        assert.match(StartFailure.lineOf(error), /DATABASE_PREPARE=false|prepared statement/)
      }).pipe(Effect.scoped)
    )

    it.effect("does not listen behind a pooler, and its subscribers see what others append", () =>
      Effect.gen(function* () {
        const url = yield* PostgresServer.freshDatabase
        const direct = yield* clientOf({ url })
        const pooled = yield* PgBouncer.before(url)
        const context = yield* Layer.build(
          migrated.pipe(Layer.provideMerge(Postgres.layerOf({ url: pooled })))
        )
        const follower = yield* Context.get(context, EventStore)
          .subscribe()
          .pipe(Stream.take(1), Stream.runCollect, Effect.forkChild)
        yield* note(direct)
        assert.strictEqual((yield* Fiber.join(follower)).length, 1)
        const listeners = yield* direct`
          SELECT FROM pg_stat_activity WHERE application_name = 'daybook listener'`
        assert.deepStrictEqual(listeners, [])
      }).pipe(Effect.scoped)
    )

    it.effect("says which database the pooler does not have", () =>
      Effect.gen(function* () {
        const url = yield* PostgresServer.freshDatabase
        const pooled = new URL(Redacted.value(yield* PgBouncer.before(url)))
        pooled.pathname = "/no_such"
        const error = yield* Effect.flip(clientOf({ url: Redacted.make(pooled.href) }))
        assert.match(
          StartFailure.lineOf(error),
          /^Cannot connect to no_such at 127\.0\.0\.1:\d+ as daybook: .*database "no_such" does not exist: create the database/
        )
      }).pipe(Effect.scoped)
    )
  }
)
