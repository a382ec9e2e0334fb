/**
 * Creates and moves forward the tables and functions of a log in PostgreSQL.
 *
 * A layer of its own: opening a store never changes a database. Safe when many hosts start at once.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Migrator from "effect/sql/Migrator"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { takeTurn } from "./internal/migrationLock.ts"
import * as Functions from "./internal/postgres/schema/functions.ts"
import { tables } from "./internal/postgres/schema/tables.ts"
import { transaction } from "./internal/readCommitted.ts"
import { inSavepoint } from "./internal/savepoint.ts"
import { refuseUnfit } from "./internal/refuseUnfit.ts"
import { repair } from "./internal/restored.ts"
import { pinned } from "./internal/searchPath.ts"
import * as PostgresReady from "./PostgresReady.ts"
import { PostgresSchema, type SchemaName } from "./PostgresSchema.ts"
import { NotMigrated, type SchemaUnready } from "./PostgresStart.ts"
import type { UnfitDatabase } from "./UnfitDatabase.ts"

/**
 * Runs the migrations that the log in {@link PostgresSchema} still lacks, all or none, and returns
 * their numbers and names.
 *
 * **Details**
 * Migrations make tables. The functions of the log are replaced where they differ from those of this code, unless they are of a later
 * release: a host of an earlier one that starts beside newer ones leaves them.
 * Puts right what a restore or a copy of the log may have left behind, each time: see `PostgresHealth`.
 * Hosts that start at once wait for one another on an advisory lock; the last ones find nothing to do.
 * Errors: `UnfitDatabase`, its encoding is not UTF8. Nothing was made.
 *
 * @category operations
 * @since 0.1.0
 */
export const migrate: Effect.Effect<
  ReadonlyArray<readonly [id: number, name: string]>,
  Migrator.MigrationError | SqlError | UnfitDatabase,
  SqlClient
> = Effect.gen(function* () {
  const sql = yield* SqlClient
  const schema = yield* PostgresSchema
  const lacking = Effect.gen(function* () {
    // CREATE SCHEMA IF NOT EXISTS is not safe to run twice at once, hence the lock before it.
    yield* refuseUnfit(sql)
    yield* takeTurn(sql, schema)
    // Without a notice for each start that finds its schema there.
    const found = yield* sql`SELECT FROM pg_namespace WHERE nspname = ${schema}`
    if (found.length === 0) yield* sql`CREATE SCHEMA ${sql(schema)}`
    const done = yield* run({ loader: loader(schema), table: `${schema}.migrations` })
    yield* Functions.install(sql, schema)
    yield* repair(sql, schema)
    return done
  })
  return yield* transaction(sql, pinned(sql, lacking))
}).pipe(Effect.withSpan("PostgresMigrations.migrate"))

/**
 * Runs {@link migrate} when it is built.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<
  never,
  Migrator.MigrationError | SqlError | UnfitDatabase,
  SqlClient
> = Layer.effectDiscard(migrate)

/**
 * Fails unless {@link PostgresSchema} has every migration and function that this code needs, and the user may use it.
 *
 * **Details**
 * The stores do this when they are opened. A schema that is newer than the code passes, since a deploy migrates before
 * it has replaced all hosts: a migration leaves to the code before it all that this code uses.
 * Errors: `NotMigrated`, `NotPermitted`; `InRecovery`, the database is a standby.
 *
 * @category operations
 * @since 0.1.0
 */
export const check: Effect.Effect<void, SchemaUnready, SqlClient> = Effect.gen(function* () {
  const schema = yield* PostgresSchema
  const client = yield* SqlClient
  const known = yield* Effect.orDie(loader(schema))
  const needed = Math.max(...known.map(([id]) => id))
  yield* PostgresReady.check(client, {
    schema,
    table: "migrations",
    needed,
    migrations: "PostgresMigrations",
    onPrimary: true
  })
  const sql = client.withoutTransforms()
  const { database, functions } = yield* inSavepoint(sql, Functions.look(sql, schema))
  if (functions.length > 0) {
    return yield* new NotMigrated({
      schema,
      database,
      found: needed,
      needed,
      migrations: "PostgresMigrations",
      functions
    })
  }
})

const run = Migrator.make({})

/** The tables of a log, by releases: numbered, and only ever appended to. */
const loader = (schema: SchemaName): Migrator.Loader =>
  Effect.succeed([[1, "log", Effect.succeed(runAll(tables(`"${schema}"`)))]])

const runAll = (statements: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    yield* Effect.forEach(statements, (statement) => sql.unsafe(statement), { discard: true })
  })
