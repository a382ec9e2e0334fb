/**
 * Postgres.layer on a server.
 */
import * as Postgres from "@daybook/store/Postgres"
import * as PostgresServer from "@daybook/testing/PostgresServer"
import * as PgClient from "@effect/sql-pg/PgClient"
import { assert, layer } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { inspect } from "node:util"

const clientOf = (env: Readonly<Record<string, string>>) =>
  Effect.map(Layer.build(Layer.fresh(Postgres.layer)), (context) =>
    Context.get(context, PgClient.PgClient)
  ).pipe(Effect.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env }))))

layer(PostgresServer.PostgresServer.layer, { timeout: 60_000, excludeTestServices: true })(
  "Postgres.layer",
  (it) => {
    it.effect(
      "opens what its configuration says, and says where in spans, without the password",
      () =>
        Effect.gen(function* () {
          const url = new URL(Redacted.value(yield* PostgresServer.freshDatabase))
          const plain: PgClient.PgPoolConfig = (yield* clientOf({ DATABASE_URL: url.href })).config
          assert.deepInclude(plain, {
            host: "127.0.0.1",
            port: Number(url.port),
            database: url.pathname.slice(1),
            maxConnections: 10,
            prepare: true
          })
          assert.deepStrictEqual(plain.connectTimeout, Duration.seconds(30))
          assert.notInclude(inspect(plain, { depth: 10 }), url.password)

          url.searchParams.set("connect_timeout", "7")
          url.searchParams.set("prepare", "false")
          const told: PgClient.PgPoolConfig = (yield* clientOf({
            DATABASE_URL: url.href,
            DATABASE_MAX_CONNECTIONS: "3"
          })).config
          assert.deepInclude(told, { maxConnections: 3, prepare: false })
          assert.deepStrictEqual(told.connectTimeout, Duration.seconds(7))
          const overruled = yield* clientOf({ DATABASE_URL: url.href, DATABASE_PREPARE: "true" })
          assert.strictEqual(overruled.config.prepare, true)
        }).pipe(Effect.scoped)
    )

    it.effect("lets whatever finds no free connection wait in turn", () =>
      Effect.gen(function* () {
        const url = Redacted.value(yield* PostgresServer.freshDatabase)
        const sql = yield* clientOf({ DATABASE_URL: url, DATABASE_MAX_CONNECTIONS: "2" })
        const answers = yield* Effect.forEach(
          Array.from({ length: 3_000 }, (_, n) => n),
          (n) => sql<{ readonly n: number }>`SELECT ${n}::int AS n`,
          { concurrency: "unbounded" }
        )
        assert.deepStrictEqual(
          answers.map(([row]) => row?.n),
          Array.from({ length: 3_000 }, (_, n) => n)
        )
        const [open] = yield* sql<{ readonly count: number }>`
          SELECT count(*)::int AS count FROM pg_stat_activity
          WHERE datname = current_database() AND backend_type = 'client backend'`
        assert.strictEqual(open?.count, 2)
      }).pipe(Effect.scoped)
    )
  }
)
