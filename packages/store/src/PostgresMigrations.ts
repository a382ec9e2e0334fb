/**
 * Creates and migrates the tables and functions of a log in PostgreSQL.
 *
 * A layer of its own: opening a store never changes a database. Safe when many hosts start at once.
 *
 * @since 0.1.0
 */
import * as Listed from "@daybook/kernel/Listed"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Migrator from "effect/sql/Migrator"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { comingAgain, inTurn } from "./internal/postgres/schema/migrationLock.ts"
import * as InstallFunctions from "./internal/postgres/schema/installFunctions.ts"
import { tables } from "./internal/postgres/schema/tables.ts"
import { transaction } from "./sql/Transaction.ts"
import { readCommittedOrSavepoint } from "./internal/postgres/sql/readCommitted.ts"
import { recordAct } from "./internal/postgres/schema/callRecordAct.ts"
import { refuseUnfit } from "./internal/postgres/start/refuseUnfit.ts"
import { repair } from "./internal/postgres/schema/restored.ts"
import { pinned } from "./sql/SearchPath.ts"
import * as Ready from "./sql/Ready.ts"
import { PostgresSchema, type SchemaName } from "./PostgresSchema.ts"
import { NotMigrated, type SchemaUnready } from "./PostgresStart.ts"
import type { UnfitDatabase } from "./internal/postgres/start/unfitDatabase.ts"

/**
 * Runs the migrations that the log in {@link PostgresSchema} still lacks, all or none, and returns
 * their numbers and names.
 *
 * **Details**
 * Migrations create tables. Functions of the log are replaced where they differ from those of this
 * code, unless they are of a later release: a host of an earlier release that starts beside newer
 * ones leaves them.
 * Each run also fixes the faults that a restore or a copy of the log may have left: see
 * `PostgresHealth`.
 * Changes are recorded: see `PostgresActs`.
 * Hosts that start at once wait for one another on an advisory lock; the last ones find nothing to
 * do. It waits for a transaction that uses a table to be changed in steps of half a second, between
 * which appends proceed.
 * Errors: `UnfitDatabase`, its encoding is not UTF8; `SqlError` or `MigrationError`, caused by
 * `LockHeld`, a lock was held for longer than `PostgresLocks.Patience` has for changes. Nothing was
 * changed.
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
    // IF NOT EXISTS would also send a notice at each start that finds the schema.
    const found = yield* sql`SELECT FROM pg_namespace WHERE nspname = ${schema}`
    if (found.length === 0) yield* sql`CREATE SCHEMA ${sql(schema)}`
    const done = yield* run({ loader: loader(schema), table: `${schema}.migrations` })
    const functions = yield* InstallFunctions.install(sql, schema)
    const repaired = yield* repair(sql, schema)
    if (done.length + functions.length > 0) {
      const migrations = done.map(([id, name]) => `${id} ${name}`)
      yield* recordAct(sql, schema, "migrate", { migrations, functions })
    }
    // A new log gets its triggers and its id from the same repair, which is not recorded as one.
    if (repaired.length > 0 && done.length === 0) {
      yield* recordAct(sql, schema, "repair", { repaired: { ...Listed.make(repaired) } })
    }
    return done
  })
  return yield* comingAgain(
    sql,
    schema,
    transaction(sql, pinned(sql, inTurn(sql, schema, lacking)))
  )
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
 * Fails unless {@link PostgresSchema} has every migration and function that this code needs, and
 * the user may use it.
 *
 * **Details**
 * The stores run this check when they are opened. A schema newer than the code passes, since a
 * deploy migrates before it has replaced all hosts: a migration preserves all that the previous
 * code uses.
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
  yield* Ready.check(client, {
    schema,
    table: "migrations",
    needed,
    migrations: "PostgresMigrations",
    onPrimary: true
  })
  const sql = client.withoutTransforms()
  const { database, functions } = yield* readCommittedOrSavepoint(
    sql,
    InstallFunctions.look(sql, schema)
  )
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

/** The migrations of a log's tables, one per release: numbered and append-only. */
const loader = (schema: SchemaName): Migrator.Loader =>
  Effect.succeed([[1, "log", Effect.succeed(runAll(tables(`"${schema}"`)))]])

const runAll = (statements: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    yield* Effect.forEach(statements, (statement) => sql.unsafe(statement), { discard: true })
  })
