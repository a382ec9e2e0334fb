/**
 * A step of a checkpoint in PostgreSQL: two statements, each a transaction of its own, with the
 * fold in between.
 *
 * The first reads the rows at the checkpoint `from` and under the claim; the second moves the
 * checkpoint from there, under the same claim, and writes the folded rows. Every other write to the
 * rows of a generation moves its checkpoint or ends its claim, and neither ever returns to an
 * earlier value. So if the second statement finds both unchanged, the rows are unchanged too; if
 * not, it writes nothing. No lock is held while the host folds, so a host that dies or freezes
 * there blocks no other.
 */
import type { SchemaName } from "@daybook/store/PostgresSchema"
import * as PgTypes from "@daybook/store/sql/PgTypes"
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import { SqlError } from "effect/sql/SqlError"
import { ClaimLost } from "../../ReadModelError.ts"
import type { Changes, Claim, Load, Step } from "../../driver/ReadModelGeneration.ts"
import type { Any as AnyTable, StoredKey } from "../../driver/ReadModelTable.ts"
import type { StoredRow } from "../../driver/StoredRow.ts"
import { arrays, readRow } from "./columns.ts"
import { inTransaction } from "@daybook/store/sql/Transaction"
import { millisOf } from "./locks.ts"
import { shares } from "../fold/rowSize.ts"
import * as TableSql from "./tableSql.ts"
import { readCommitted } from "./readCommitted.ts"

/**
 * The number of keys above which a statement is planned each time, which is then a small part of
 * its work: a plan made while the table was tiny reads all of it for each key, until new statistics
 * replace the plan.
 */
const FEW_KEYS = 4

const run = (sql: SqlClient, text: string, parameters: ReadonlyArray<unknown>, keys: number) => {
  const statement = sql.unsafe(text, parameters)
  // Each in its own transaction: holding the first one's locks until the second would violate the
  // order of locks.
  return readCommitted(sql, keys > FEW_KEYS ? statement.valuesUnprepared : statement.values)
}

/** Returns the rows by the text of their key, without the empty row of a join that found none. */
const byKey = (table: AnyTable, found: ReadonlyArray<ReadonlyArray<unknown>>) => {
  const rows = new Map<string, StoredRow>()
  const key = table.columns.findIndex(({ name }) => name === table.primaryKey[0]?.name)
  for (const values of found) {
    if (values[key] === null) continue
    const row = readRow(table.columns, values)
    rows.set(table.keyText(row), row)
  }
  return rows
}

/** Returns the parameters that name rows: their number, and their keys. */
const keyed = (table: AnyTable, keys: ReadonlyArray<StoredKey>) => [
  PgTypes.int8(BigInt(keys.length)),
  ...arrays(table.primaryKey, keys)
]

/** Reads rows in the transaction of an inline append, by the text of their key. */
export const loadInline = Effect.fnUntraced(function* (
  sql: SqlClient,
  schema: SchemaName,
  table: AnyTable,
  relation: TableSql.Relation,
  keys: ReadonlyArray<StoredKey>
): Effect.fn.Return<ReadonlyMap<string, StoredRow>, SqlError> {
  if (keys.length === 0) return new Map()
  const text = TableSql.loadInline(schema, table, relation)
  return byKey(table, yield* run(sql, text, keyed(table, keys), keys.length))
})

/**
 * The maximum bytes of rows sent in one statement of a transaction, unless a row has more: the
 * server ends a transaction whose statement takes too long to arrive.
 */
const SHARE_BYTES = 32_000_000

/**
 * Writes rows in the transaction of an inline append, in several statements if they are too large
 * for one.
 */
export const writeInline = Effect.fnUntraced(function* (
  sql: SqlClient,
  schema: SchemaName,
  table: AnyTable,
  relation: TableSql.Relation,
  { deletions, upserts }: Changes
): Effect.fn.Return<void, SqlError> {
  const [some = [], ...more] = shares(table.columns, upserts, SHARE_BYTES)
  for (const changes of [
    { upserts: some, deletions },
    ...more.map((rows) => ({ upserts: rows, deletions: [] }))
  ]) {
    const written = { upserts: changes.upserts.length > 0, deletions: changes.deletions.length > 0 }
    if (!written.upserts && !written.deletions) continue
    const text = TableSql.writeInline(schema, table, relation, written)
    yield* run(sql, text, changed(table, changes), changes.deletions.length)
  }
})

const changed = (table: AnyTable, { deletions, upserts }: Changes) => [
  ...(upserts.length > 0 ? arrays(table.columns, upserts) : []),
  ...(deletions.length > 0 ? keyed(table, deletions) : [])
]

/**
 * Runs a statement again when PostgreSQL ended it in favour of another one. In a transaction that
 * is useless, since PostgreSQL refuses all further statements.
 */
const again = <A, E>(
  sql: SqlClient,
  statement: (inside: boolean) => Effect.Effect<A, E | SqlError>
): Effect.Effect<A, E | SqlError> =>
  Effect.flatMap(inTransaction(sql), (inside) =>
    Effect.retry(statement(inside), {
      times: inside ? 0 : 3,
      while: (error) => error instanceof SqlError && isUndone(error)
    })
  )

const isUndone = ({ reason }: SqlError) =>
  reason._tag === "DeadlockError" || reason._tag === "SerializationError"

const held = (
  { epoch, generation, name }: Claim,
  { from, partition }: Pick<Step, "from" | "partition">
) => [
  name,
  PgTypes.int4(generation),
  PgTypes.int8(BigInt(epoch)),
  PgTypes.int4(partition),
  PgTypes.int8(from)
]

const lost = ({ epoch, generation, name }: Claim) => new ClaimLost({ name, generation, epoch })

/** Reads the rows of a step, by the text of their key. */
export const loadOfStep = (
  sql: SqlClient,
  schema: SchemaName,
  table: AnyTable,
  claim: Claim,
  relation: TableSql.Relation,
  at: Load
): Effect.Effect<ReadonlyMap<string, StoredRow>, ClaimLost | SqlError> => {
  const { keys } = at
  if (keys.length === 0) return Effect.succeed(new Map())
  const text = TableSql.loadOfStep(schema, table, relation)
  const parameters = [...held(claim, at), ...keyed(table, keys)]
  return Effect.flatMap(
    again(sql, () => run(sql, text, parameters, keys.length)),
    (found): Effect.Effect<ReadonlyMap<string, StoredRow>, ClaimLost> =>
      found.length === 0 ? Effect.fail(lost(claim)) : Effect.succeed(byKey(table, found))
  )
}

/** Takes a step: moves the checkpoint under the claim, and writes the rows, in one statement. */
export const writeOfStep = (
  sql: SqlClient,
  schema: SchemaName,
  table: AnyTable,
  claim: Claim,
  relation: TableSql.Relation,
  step: Step
): Effect.Effect<void, ClaimLost | SqlError> => {
  const { changes, event, events, eventsPerSecond, to } = step
  const { deletions, upserts } = changes
  const written = { upserts: upserts.length > 0, deletions: deletions.length > 0 }
  const parameters = [
    ...held(claim, step),
    PgTypes.int8(to),
    PgTypes.float8(millisOf(claim.lease)),
    PgTypes.int8(BigInt(events)),
    PgTypes.float8(eventsPerSecond),
    PgTypes.text(event),
    ...changed(table, changes)
  ]
  return Effect.flatMap(
    again(sql, (inside) => {
      const text = TableSql.writeOfStep(schema, table, relation, written, inside)
      return run(sql, text, parameters, deletions.length)
    }),
    (moved) => (moved.length > 0 ? Effect.void : Effect.fail(lost(claim)))
  )
}
