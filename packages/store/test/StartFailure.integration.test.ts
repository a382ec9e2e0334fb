/**
 * One line for each reason why a host can't start on a server, and the time when it is found.
 */
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as Postgres from "@daybook/store/Postgres"
import * as PostgresMigrations from "@daybook/store/PostgresMigrations"
import * as PostgresPartitions from "@daybook/store/PostgresPartitions"
import * as PostgresRoles from "@daybook/store/PostgresRoles"
import {
  InRecovery,
  NotMigrated,
  NotPermitted,
  type SchemaUnready
} from "@daybook/store/PostgresStart"
import * as SnapshotStorePostgres from "@daybook/store/SnapshotStorePostgres"
import * as StartFailure from "@daybook/store/StartFailure"
import * as PostgresServer from "@daybook/testing/PostgresServer"
import * as PgClient from "@effect/sql-pg/PgClient"
import { assert, layer } from "@effect/vitest"
import * as Context from "effect/Context"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { SqlClient } from "effect/sql/SqlClient"
import * as Net from "node:net"
import { note } from "./notes.ts"

const change = (url: Redacted.Redacted<string>, edit: (url: URL) => void) => {
  const changed = new URL(Redacted.value(url))
  edit(changed)
  return Redacted.make(changed.href)
}

/** Returns the line for a start on a URL. */
const lineOn = (
  url: Redacted.Redacted<string>,
  host: Layer.Layer<never, unknown, SqlClient> = Layer.empty
) =>
  Layer.build(Layer.fresh(host.pipe(Layer.provide(Postgres.layerOf({ url }))))).pipe(
    Effect.sandbox,
    Effect.flip,
    Effect.map(StartFailure.lineOf),
    Effect.scoped
  )

const clientOf = (url: Redacted.Redacted<string>) =>
  Effect.map(Layer.build(Layer.fresh(PgClient.layer({ url, maxConnections: 2 }))), (context) =>
    Context.get(context, PgClient.PgClient)
  )

const newName = () => `host_${SecureRandom.uuidV4Unsafe().replaceAll("-", "")}`

/** Makes a user of the server, and the URL by which it connects. */
const userOf = Effect.fnUntraced(function* (url: Redacted.Redacted<string>, options = "") {
  const sql = yield* clientOf(url)
  const name = newName()
  yield* sql.unsafe(`CREATE ROLE ${name} LOGIN PASSWORD 'hunter2' ${options}`)
  yield* Effect.addFinalizer(() =>
    Effect.orDie(
      Effect.andThen(sql.unsafe(`DROP OWNED BY ${name}`), sql.unsafe(`DROP ROLE ${name}`))
    )
  )
  return {
    name,
    sql,
    url: change(url, (own) => {
      own.username = name
      own.password = "hunter2"
    })
  }
})

/** A server that accepts connections and sends nothing. */
const silent = Effect.acquireRelease(
  Effect.callback<Net.Server>((resume) => {
    const server = Net.createServer()
    server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
  }),
  (server) => Effect.sync(() => server.close())
)

const placeOf = (url: Redacted.Redacted<string>, as?: string) => {
  const { host, pathname, username } = new URL(Redacted.value(url))
  return `${pathname.slice(1)} at ${host} as ${as ?? username}`
}

const roles = () => ({
  owner: PostgresRoles.RoleName.make(newName()),
  writer: PostgresRoles.RoleName.make(newName()),
  reader: PostgresRoles.RoleName.make(newName())
})

layer(PostgresServer.PostgresServer.layer, { timeout: 60_000, excludeTestServices: true })(
  "A host says in one line that",
  (it) => {
    it.effect("it can't connect, and why", () =>
      Effect.gen(function* () {
        const url = yield* PostgresServer.freshDatabase
        const own = yield* userOf(url, "CONNECTION LIMIT 0")
        const port = (yield* silent).address()
        assert.isTrue(port !== null && typeof port === "object")
        const silentPort = port !== null && typeof port === "object" ? String(port.port) : ""
        for (const [edit, as, rest] of [
          [
            (one: URL) => void (one.password = "hunter3"),
            own.name,
            `password authentication failed for user "${own.name}": correct the password in the URL`
          ],
          [
            (one: URL) => void (one.pathname = "/no_such"),
            own.name,
            'database "no_such" does not exist: create the database (CREATE DATABASE), or correct its name in the URL'
          ],
          [
            () => {},
            own.name,
            `too many connections for role "${own.name}": lower DATABASE_MAX_CONNECTIONS of the hosts, raise max_connections of the server, or put a pooler between`
          ],
          [
            (one: URL) => void (one.password = ""),
            own.name,
            "The server requested password authentication: add the password to the URL"
          ],
          [
            (one: URL) => one.searchParams.set("sslmode", "require"),
            own.name,
            "The server does not support TLS: turn TLS on in the server, or add sslmode=disable to the URL if the network is trusted"
          ],
          [
            (one: URL) => {
              one.port = silentPort
              one.searchParams.set("connect_timeout", "1")
            },
            own.name,
            "Connection timed out: look at the network and firewalls between the host and the server"
          ]
        ] as const) {
          const wrong = change(own.url, edit)
          // PostgreSQL reports a missing database before the limit of a role only to users that may
          // connect.
          if (rest.startsWith("database")) {
            yield* own.sql.unsafe(`ALTER ROLE ${own.name} CONNECTION LIMIT 1`)
          }
          assert.strictEqual(
            yield* lineOn(wrong),
            `Cannot connect to ${placeOf(wrong, as)}: ${rest}`
          )
          yield* own.sql.unsafe(`ALTER ROLE ${own.name} CONNECTION LIMIT 0`)
        }
      }).pipe(Effect.scoped)
    )

    it.effect(
      "the schema is not migrated, when the store is opened and not at its first call",
      () =>
        Effect.gen(function* () {
          const url = yield* PostgresServer.freshDatabase
          const database = new URL(Redacted.value(url)).pathname.slice(1)
          const needed = (yield* Effect.provideService(
            PostgresMigrations.migrate,
            SqlClient,
            yield* clientOf(yield* PostgresServer.freshDatabase)
          )).length
          const stores: ReadonlyArray<Layer.Layer<never, SchemaUnready, SqlClient>> = [
            EventStorePostgres.layer,
            SnapshotStorePostgres.layer
          ]
          for (const store of stores) {
            const error = yield* Layer.build(Layer.fresh(store)).pipe(
              Effect.flip,
              Effect.scoped,
              Effect.provideService(SqlClient, yield* clientOf(url))
            )
            assert.instanceOf(error, NotMigrated)
            assert.deepInclude(error, {
              schema: "daybook",
              database,
              found: 0,
              needed,
              migrations: "PostgresMigrations"
            })
            assert.strictEqual(
              yield* lineOn(url, store),
              `Schema daybook of database ${database} is not migrated: it has no migrations and this code needs ${needed}: run PostgresMigrations`
            )
          }
          const [some] = [roles()]
          for (const step of [PostgresRoles.layer(some), PostgresPartitions.layer()]) {
            assert.match(yield* lineOn(url, step), /daybook.*: run PostgresMigrations/)
          }
        }).pipe(Effect.scoped)
    )

    it.effect("the schema lacks the newest migration; one that is newer is accepted", () =>
      Effect.gen(function* () {
        const url = yield* PostgresServer.freshDatabase
        const sql = yield* clientOf(url)
        const opened = Layer.build(Layer.fresh(EventStorePostgres.layer)).pipe(
          Effect.scoped,
          Effect.provideService(SqlClient, sql)
        )
        yield* Effect.provideService(PostgresMigrations.migrate, SqlClient, sql)
        yield* sql`INSERT INTO daybook.migrations (migration_id, name) VALUES (1000, 'of later code')`
        yield* opened
        yield* sql`DELETE FROM daybook.migrations WHERE migration_id > 0`
        const error = yield* Effect.flip(opened)
        assert.instanceOf(error, NotMigrated)
        assert.strictEqual(error.found, 0)
      }).pipe(Effect.scoped)
    )

    it.effect("its role has no rights, to the log or to migrate", () =>
      Effect.gen(function* () {
        const url = yield* PostgresServer.freshDatabase
        const database = new URL(Redacted.value(url)).pathname.slice(1)
        const { name, sql, url: own } = yield* userOf(url)
        assert.strictEqual(
          yield* lineOn(own, PostgresMigrations.layer),
          `permission denied for database ${database}: run PostgresRoles, or connect as a role that may; migrations run as the owner of the log`
        )
        yield* Effect.provideService(PostgresMigrations.migrate, SqlClient, sql)
        const error = yield* Layer.build(Layer.fresh(EventStorePostgres.layer)).pipe(
          Effect.flip,
          Effect.scoped,
          Effect.provideService(SqlClient, yield* clientOf(own))
        )
        assert.instanceOf(error, NotPermitted)
        assert.strictEqual(
          yield* lineOn(own, EventStorePostgres.layer),
          `Role ${name} may not use schema daybook of database ${database}: run PostgresRoles, or grant it USAGE of the schema, or connect as another role`
        )
      }).pipe(Effect.scoped)
    )

    it.effect("the database is a standby", () =>
      Effect.gen(function* () {
        const url = yield* PostgresServer.freshDatabase
        const database = new URL(Redacted.value(url)).pathname.slice(1)
        const sql = yield* clientOf(url)
        yield* Effect.provideService(PostgresMigrations.migrate, SqlClient, sql)
        // Another answer to the same query, found before PostgreSQL's own.
        yield* sql`CREATE SCHEMA standby`
        yield* sql`CREATE FUNCTION standby.pg_is_in_recovery() RETURNS boolean LANGUAGE sql RETURN true`
        yield* sql.unsafe(`ALTER DATABASE ${database} SET search_path = standby, pg_catalog`)
        const error = yield* Layer.build(Layer.fresh(EventStorePostgres.layer)).pipe(
          Effect.flip,
          Effect.scoped,
          Effect.provideService(SqlClient, yield* clientOf(url))
        )
        assert.instanceOf(error, InRecovery)
        assert.strictEqual(
          yield* lineOn(url, EventStorePostgres.layer),
          `Database ${database} is a standby in recovery, and the log is read and written on its primary: connect to the primary`
        )
      }).pipe(Effect.scoped)
    )

    it.effect("opens in a transaction that has migrated, on the connection of that one", () =>
      Effect.gen(function* () {
        const url = yield* PostgresServer.freshDatabase
        const client = yield* Layer.build(PgClient.layer({ url, maxConnections: 1 }))
        const sql = Context.get(client, SqlClient)
        // A store is opened inside the transaction, and appends.
        yield* sql.withTransaction(
          Effect.andThen(
            Effect.provideService(PostgresMigrations.migrate, SqlClient, sql),
            note(sql)
          )
        )
      }).pipe(Effect.scoped)
    )
  }
)
