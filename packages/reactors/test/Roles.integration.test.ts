/**
 * The rights of a host that runs reactors, as the guide to least privilege gives them.
 */
import { Category } from "@daybook/kernel/StreamId"
import * as ConsumerGroupsPostgres from "@daybook/reactors/ConsumerGroupsPostgres"
import * as Reactor from "@daybook/reactors/Reactor"
import * as ReactorMigrations from "@daybook/reactors/ReactorMigrations"
import { Reactors } from "@daybook/reactors/Reactors"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as PostgresMigrations from "@daybook/store/PostgresMigrations"
import * as PostgresRoles from "@daybook/store/PostgresRoles"
import * as PostgresServer from "@daybook/testing/PostgresServer"
import * as PgClient from "@effect/sql-pg/PgClient"
import { assert, layer } from "@effect/vitest"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Redacted from "effect/Redacted"
import { SqlClient } from "effect/sql/SqlClient"
import { appendAll, noteOf } from "./reactorCases.ts"

const category = Category.make("ruled")

/** Returns the URL of a database for another login. */
const as = (url: Redacted.Redacted, name: string) => {
  const changed = new URL(Redacted.value(url))
  changed.username = name
  changed.password = "secret"
  return PgClient.layer({ url: Redacted.make(changed.href) })
}

const statements = (id: string) => [
  `CREATE ROLE reactor_${id} IN ROLE reader_${id}`,
  `CREATE SCHEMA reactors AUTHORIZATION reactor_${id}`,
  `CREATE ROLE owner_login_${id} LOGIN PASSWORD 'secret' IN ROLE reactor_${id}`,
  `ALTER ROLE owner_login_${id} SET role = 'reactor_${id}'`,
  `CREATE ROLE host_${id} LOGIN PASSWORD 'secret' IN ROLE reader_${id}`
]

const grants = (id: string) => [
  `GRANT USAGE ON SCHEMA reactors TO host_${id}`,
  `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA reactors TO host_${id}`
]

layer(PostgresServer.PostgresServer.layer, { timeout: 120_000, excludeTestServices: true })(
  "A host of reactors",
  (it) => {
    it.effect("needs to read the log and to change the rows of the groups, and no more", () =>
      Effect.gen(function* () {
        const id = SecureRandom.uuidV4Unsafe().slice(0, 8)
        const url = yield* PostgresServer.freshDatabase
        const admin = yield* Layer.build(
          EventStorePostgres.layer.pipe(
            Layer.provideMerge(PostgresMigrations.layer),
            Layer.provideMerge(PgClient.layer({ url }))
          )
        )
        const run = (all: ReadonlyArray<string>) =>
          Effect.flatMap(SqlClient, (sql) =>
            Effect.forEach(all, (statement) => sql.unsafe(statement).unprepared)
          ).pipe(Effect.provideContext(admin))
        const role = (name: string) => PostgresRoles.RoleName.make(`${name}_${id}`)
        yield* PostgresRoles.grant({
          owner: role("owner"),
          writer: role("writer"),
          reader: role("reader")
        }).pipe(Effect.provideContext(admin))
        yield* run(statements(id))
        yield* ReactorMigrations.migrate.pipe(Effect.provide(as(url, `owner_login_${id}`)))
        yield* run(grants(id))

        const seen = yield* Queue.unbounded<string>()
        const reactor = Reactor.make({
          name: "ruled",
          categories: [category],
          react: (event) => Queue.offer(seen, noteOf(event))
        })
        yield* Layer.build(
          Reactors.layer([reactor]).pipe(
            Layer.provide(ConsumerGroupsPostgres.layer),
            Layer.provide(EventStorePostgres.layer),
            Layer.provide(as(url, `host_${id}`))
          )
        )
        yield* appendAll(category, "a1").pipe(Effect.provideContext(admin))
        assert.strictEqual(yield* Queue.take(seen), "a1")
      })
    )
  }
)
