/**
 * Migrates the tables in which PostgreSQL records the progress of consumer groups.
 *
 * Migrations are a layer of their own, so that building a store never changes a database. Many
 * hosts may start at once.
 *
 * @since 0.1.0
 */
import type { SchemaName } from "@daybook/store/PostgresSchema"
import type { SchemaUnready } from "@daybook/store/PostgresStart"
import { inSteps } from "@daybook/store/sql/LockWaits"
import * as Ready from "@daybook/store/sql/Ready"
import { pinned } from "@daybook/store/sql/SearchPath"
import { transaction } from "@daybook/store/sql/Transaction"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Migrator from "effect/sql/Migrator"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { processTimers } from "./internal/postgres/processTimers.ts"
import { tables } from "./internal/postgres/tables.ts"
import { waitingEvents } from "./internal/postgres/waitingEvents.ts"
import { ReactorSchema } from "./ReactorSchema.ts"

/**
 * Runs the migrations that {@link ReactorSchema} still lacks, all or none, and returns their
 * numbers and names.
 *
 * **Details**
 * Run it as the owner of the schema, or as a user that may create one. Hosts that start at once
 * wait for one another on an advisory lock; the last ones find nothing to do.
 * Errors: `SqlError` or `MigrationError`, caused by `LockHeld` of `PostgresLocks`, when something
 * was locked for longer than its `Patience`.
 *
 * @category operations
 * @since 0.1.0
 */
export const migrate: Effect.Effect<
  ReadonlyArray<readonly [id: number, name: string]>,
  Migrator.MigrationError | SqlError,
  SqlClient
> = Effect.gen(function* () {
  const sql = yield* SqlClient
  const schema = yield* ReactorSchema
  const lacking = Effect.gen(function* () {
    // CREATE SCHEMA IF NOT EXISTS is not safe to run twice at once, hence the turn before it.
    // The query before it avoids a notice at each start that finds the schema.
    const found = yield* sql`SELECT FROM pg_namespace WHERE nspname = ${schema}`
    if (found.length === 0) yield* sql`CREATE SCHEMA ${sql(schema)}`
    return yield* run({ loader: loader(schema), table: `${schema}.migrations` })
  })
  const turn = `daybook reactors of ${schema}`
  return yield* inSteps(sql, { schema, turn }, lacking, (work) =>
    transaction(sql, pinned(sql, work))
  )
}).pipe(Effect.withSpan("ReactorMigrations.migrate"))

/**
 * Runs {@link migrate} when it is built.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<never, Migrator.MigrationError | SqlError, SqlClient> =
  Layer.effectDiscard(migrate)

/**
 * Fails unless {@link ReactorSchema} has every migration that this code needs, and the user may use
 * it.
 *
 * **Details**
 * The groups run this when they are opened. A schema that is newer than the code passes, since a
 * deploy migrates before it has replaced all hosts.
 * Errors: `NotMigrated`, `NotPermitted`.
 *
 * @category operations
 * @since 0.1.0
 */
export const check: Effect.Effect<void, SchemaUnready, SqlClient> = Effect.gen(function* () {
  const schema = yield* ReactorSchema
  const known = yield* Effect.orDie(loader(schema))
  yield* Ready.check(yield* SqlClient, {
    schema,
    table: "migrations",
    needed: Math.max(...known.map(([id]) => id)),
    migrations: "ReactorMigrations",
    onPrimary: true
  })
})

const run = Migrator.make({})

/** The migrations by number; the list is only ever appended to. */
const loader = (schema: SchemaName): Migrator.Loader =>
  Effect.succeed([
    [1, "groups", Effect.succeed(runAll(tables(`"${schema}"`)))],
    [2, "process_timers", Effect.succeed(runAll(processTimers(`"${schema}"`)))],
    [3, "waiting_events", Effect.succeed(runAll(waitingEvents(`"${schema}"`)))]
  ])

const runAll = (statements: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    yield* Effect.forEach(statements, (statement) => sql.unsafe(statement), { discard: true })
  })
