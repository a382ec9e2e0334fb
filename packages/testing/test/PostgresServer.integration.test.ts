import * as PostgresServer from "@daybook/testing/PostgresServer"
import * as PgClient from "@effect/sql-pg/PgClient"
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Reactivity from "effect/reactivity/Reactivity"
import * as Scope from "effect/Scope"

layer(PostgresServer.PostgresServer.layer, { excludeTestServices: true })(
  "PostgresServer",
  (it) => {
    const database = Effect.fnUntraced(function* (sql: PgClient.PgClient) {
      const rows = yield* sql<{ name: string }>`SELECT current_database() AS name`
      return rows[0]?.name
    })

    it.effect("is a PostgreSQL that allows at least 100 connections", () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        const rows = yield* sql<{ version: number; connections: number }>`
        SELECT current_setting('server_version_num')::int AS version,
          current_setting('max_connections')::int AS connections`
        assert.isAtLeast(rows[0]?.version ?? 0, 150_000)
        assert.isAtLeast(rows[0]?.connections ?? 0, 100)
      }).pipe(Effect.provide(PostgresServer.layerClient()))
    )

    it.effect("gives each client a database of its own", () =>
      Effect.gen(function* () {
        const of = PgClient.PgClient.pipe(
          Effect.flatMap(database),
          Effect.provide(PostgresServer.layerClient(), { local: true })
        )
        assert.notStrictEqual(yield* of, yield* of)
      })
    )

    it.effect("drops a database when its scope closes, though a client is still connected", () =>
      Effect.gen(function* () {
        const server = yield* PostgresServer.PostgresServer
        const fresh = yield* Scope.make()
        const url = yield* Scope.provide(PostgresServer.freshDatabase, fresh)
        const name = yield* Effect.flatMap(PgClient.make({ url }), database)
        assert.match(name ?? "", /^daybook_[0-9a-f]{32}$/)
        yield* Scope.close(fresh, Exit.void)
        const sql = yield* PgClient.make({ url: server.url, maxConnections: 1 })
        assert.isEmpty(yield* sql`SELECT 1 FROM pg_database WHERE datname = ${name ?? ""}`)
      }).pipe(Effect.provide(Reactivity.layer))
    )
  }
)
