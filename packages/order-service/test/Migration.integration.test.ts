/**
 * The roles of `deploy/postgres/roles.sql`: one login migrates, and hosts run with less.
 */
import { aggregate } from "@daybook/order/Order"
import { OrderCommand } from "@daybook/order/OrderCommand"
import * as OrderSummary from "@daybook/order/OrderSummary"
import { Projections } from "@daybook/projections/Projections"
import * as ReadModelStorePostgres from "@daybook/projections/ReadModelStorePostgres"
import { CommandHandler } from "@daybook/store/CommandHandler"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as SnapshotStorePostgres from "@daybook/store/SnapshotStorePostgres"
import * as PostgresServer from "@daybook/testing/PostgresServer"
import * as PgClient from "@effect/sql-pg/PgClient"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Reactivity from "effect/reactivity/Reactivity"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { SqlClient } from "effect/sql/SqlClient"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as Migration from "../src/Migration.ts"

const file = Path.join(import.meta.dirname, "../../../deploy/postgres/roles.sql")

/** The statements of the file as psql sends them, each password being the name of its variable. */
const statements = Fs.readFileSync(file, "utf8")
  .replaceAll(/^(--|\\getenv).*\n/gm, "")
  .replaceAll(/:'(\w+)'/g, "'$1'")
  .split(";\n")
  .filter((statement) => statement.trim() !== "")

/** Connects a login to the database `shop` of the server. */
const as = Effect.fnUntraced(function* (user?: string) {
  const { url } = yield* PostgresServer.PostgresServer
  const changed = new URL(Redacted.value(url))
  changed.pathname = "/shop"
  if (user !== undefined) {
    changed.username = user
    changed.password = `${user}_password`
  }
  return yield* PgClient.make({ url: Redacted.make(changed.href), maxConnections: 4 })
})

/** A host of the shop, with a login of its own. */
const host = Effect.map(SqlClient, (sql) =>
  Layer.mergeAll(CommandHandler.layer, SnapshotStorePostgres.layer).pipe(
    Layer.provideMerge(Projections.layerRunner({ async: [OrderSummary.projection] })),
    Layer.provide(Layer.merge(EventStorePostgres.layer, ReadModelStorePostgres.layer)),
    Layer.provide(Layer.succeed(SqlClient, sql))
  )
).pipe(Layer.unwrap, Layer.fresh)

it.live("let hosts serve, and only the deployer migrate", () =>
  Effect.gen(function* () {
    const { url } = yield* PostgresServer.PostgresServer
    const server = yield* PgClient.make({ url, maxConnections: 1 })
    yield* server`CREATE DATABASE shop`
    const superuser = yield* as()
    for (const statement of statements) yield* superuser.unsafe(statement)

    const deployer = yield* as("deployer")
    for (const _ of ["at first", "again"]) {
      yield* Effect.provideService(Migration.run, SqlClient, deployer)
    }

    const [one, two] = [yield* as("shop_1"), yield* as("shop_2")]
    const create = { _tag: "CreateOrder", customerId: "ada", currency: "EUR" }
    const revisions = yield* Effect.forEach([one, two], (sql, index) =>
      Effect.gen(function* () {
        const { execute } = yield* CommandHandler.for(aggregate)
        const { waitFor } = yield* Projections
        const { position, revision } = yield* execute(
          `${index}`,
          Schema.decodeUnknownSync(OrderCommand)(create)
        )
        yield* waitFor(OrderSummary.projection.name, position, "1 minute")
        return revision
      }).pipe(Effect.provide(host), Effect.provideService(SqlClient, sql), Effect.scoped)
    )
    assert.deepStrictEqual<ReadonlyArray<number>>(revisions, [1, 1])

    for (const statement of [
      "UPDATE daybook.events SET type = 'Forged'",
      "INSERT INTO daybook.migrations VALUES (99, now(), 'forged')",
      "CREATE TABLE daybook.mine ()",
      "CREATE SCHEMA mine",
      "CREATE TABLE public.mine ()"
    ]) {
      const refused = yield* Effect.flip(one.unsafe(statement))
      assert.strictEqual(refused.reason._tag, "AuthorizationError", statement)
    }
  }).pipe(
    Effect.provide(Logger.layer([])),
    Effect.provide(Layer.merge(PostgresServer.PostgresServer.layerEmbedded, Reactivity.layer))
  )
)
