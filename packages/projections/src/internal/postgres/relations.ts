/**
 * The tables of generations in PostgreSQL: created, emptied and dropped as events say.
 */
import type { SchemaName } from "@daybook/store/PostgresSchema"
import * as PgTypes from "@daybook/store/sql/PgTypes"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { DependentRefused, ForeignRelation } from "./errors.ts"
import type { Any as AnyTable } from "../../driver/ReadModelTable.ts"
import { asOwner } from "./asOwner.ts"
import { quoted } from "./columns.ts"
import { dependents } from "./dependents.ts"
import { takeGrants } from "./rename.ts"
import * as TableSql from "./tableSql.ts"

/** Creates the table of a generation; fails if something else has its name. */
export const create = Effect.fnUntraced(function* (
  sql: SqlClient,
  schema: SchemaName,
  table: AnyTable,
  relation: TableSql.Relation
): Effect.fn.Return<void, ForeignRelation | SqlError> {
  const name = TableSql.relationName(table.name, relation)
  // A table also creates a type of its name, so neither may exist.
  const foreign = yield* sql.unsafe(
    `SELECT FROM pg_class WHERE relnamespace = $1::regnamespace AND relname = $2
    UNION ALL
    SELECT FROM pg_type WHERE typnamespace = $1::regnamespace AND typname = $2`,
    [PgTypes.text(quoted(schema)), PgTypes.text(name)]
  )
  if (foreign.length > 0) return yield* new ForeignRelation({ schema, relation: name })
  const statements = TableSql.definition(schema, table, relation)
  // Unprepared, since each is run once: it would only evict a prepared statement that is run often.
  const define = Effect.forEach(statements, (statement) => sql.unsafe(statement).unprepared)
  // A serving table has the grants that its owner gives. A shadow has no grants until it serves,
  // since it lacks the restrictions of the serving table, such as its policies and revoked grants.
  const shut = relation.serves
    ? Effect.void
    : takeGrants(sql, TableSql.relationIn(schema, table.name, relation))
  yield* asOwner(sql, schema, Effect.andThen(define, shut))
})

/** Returns those of a read model's tables that do not serve and exist, by their generations. */
export const existing = (
  sql: SqlClient,
  schema: SchemaName,
  name: string,
  generations: ReadonlyArray<number>
): Effect.Effect<ReadonlyArray<string>, SqlError> => {
  if (generations.length === 0) return Effect.succeed([])
  const relations = generations.map((generation) =>
    TableSql.relationName(name, { generation, serves: false })
  )
  return Effect.map(
    sql.unsafe<{ readonly relname: string }>(
      `SELECT c.relname::text AS relname FROM pg_class c
      WHERE c.relnamespace = $1::text::regnamespace::oid AND c.relname::text = ANY($2) ORDER BY 1`,
      [PgTypes.text(quoted(schema)), Result.getOrThrow(PgTypes.array(relations, PgTypes.OID.text))]
    ),
    (found) => found.map(({ relname }) => `${quoted(schema)}.${quoted(relname)}`)
  )
}

export const empty = (
  sql: SqlClient,
  schema: SchemaName,
  name: string,
  generation: number
): Effect.Effect<void, SqlError> =>
  Effect.asVoid(
    sql.unsafe(`TRUNCATE ${TableSql.relationIn(schema, name, { generation, serves: false })}`)
      .unprepared
  )

/** Drops a table that exists; fails if it has dependents that would be dropped or prevent it. */
export const drop = Effect.fnUntraced(function* (
  sql: SqlClient,
  schema: SchemaName,
  name: string,
  generation: number
): Effect.fn.Return<void, DependentRefused | SqlError> {
  const table = yield* droppable(sql, schema, name, generation)
  if (table !== undefined) yield* sql.unsafe(`DROP TABLE ${table}`).unprepared
})

/**
 * Returns the table of a generation, if it exists; fails if it has dependents that would be dropped
 * with it or prevent its drop.
 */
export const droppable = Effect.fnUntraced(function* (
  sql: SqlClient,
  schema: SchemaName,
  name: string,
  generation: number
): Effect.fn.Return<string | undefined, DependentRefused | SqlError> {
  const [table] = yield* existing(sql, schema, name, [generation])
  if (table === undefined) return undefined
  // Parts of the table itself go with it, and are not refused.
  const found = yield* dependents(sql, name, table)
  const others = found.filter(({ apart }) => apart).map(({ what }) => what)
  if (Arr.isReadonlyArrayNonEmpty(others)) {
    const relation = TableSql.relationName(name, { generation, serves: false })
    return yield* new DependentRefused({ schema, relation, dependents: others })
  }
  return table
})
