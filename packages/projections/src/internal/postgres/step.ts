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
import * as PgTypes from "@effect/sql-pg/PgTypes"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import { SqlError } from "effect/sql/SqlError"
import { ClaimLost } from "../../ReadModelError.ts"
import type { Changes, Claim, Step } from "../../ReadModelGeneration.ts"
import type { Any as AnyTable, StoredKey } from "../../ReadModelTable.ts"
import type { StoredRow } from "../../StoredRow.ts"
import { arrays, readRow } from "./columns.ts"
import { inTransaction } from "@daybook/store/sql/Transaction"
import { millisOf } from "./locks.ts"
import { shares } from "../fold/rowSize.ts"
import * as PostgresTable from "./table.ts"
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

/** Reads rows, by the text of their key. */
export const load = Effect.fnUntraced(function* (
  sql: SqlClient,
  schema: SchemaName,
  table: AnyTable,
  place: PostgresTable.Place,
  keys: ReadonlyArray<StoredKey>
): Effect.fn.Return<ReadonlyMap<string, StoredRow>, SqlError> {
  if (keys.length === 0) return new Map()
  const text = PostgresTable.load(schema, table, place)
  return byKey(table, yield* run(sql, text, keyed(table, keys), keys.length))
})

/**
 * The maximum bytes of rows sent in one statement of a transaction, unless a row has more: the
 * server ends a transaction whose statement takes too long to arrive.
 */
const SHARE_BYTES = 32_000_000

/** Writes rows in the caller's transaction, in several statements if they are too large for one. */
export const write = Effect.fnUntraced(function* (
  sql: SqlClient,
  schema: SchemaName,
  table: AnyTable,
  place: PostgresTable.Place,
  { deletions, upserts }: Changes
): Effect.fn.Return<void, SqlError> {
  const [some = [], ...more] = shares(table.columns, upserts, SHARE_BYTES)
  for (const changes of [
    { upserts: some, deletions },
    ...more.map((rows) => ({ upserts: rows, deletions: [] }))
  ]) {
    const written = { upserts: changes.upserts.length > 0, deletions: changes.deletions.length > 0 }
    if (!written.upserts && !written.deletions) continue
    const text = PostgresTable.write(schema, table, place, written)
    yield* run(sql, text, changed(table, changes), changes.deletions.length)
  }
})

const changed = (table: AnyTable, { deletions, upserts }: Changes) => [
  ...(upserts.length > 0 ? arrays(table.columns, upserts) : []),
  ...(deletions.length > 0 ? keyed(table, deletions) : [])
]

export const step = <E>(
  sql: SqlClient,
  schema: SchemaName,
  table: AnyTable,
  claim: Claim,
  place: PostgresTable.Place,
  step: Step<E>
): Effect.Effect<void, E | ClaimLost | SqlError> =>
  Effect.flatMap(inTransaction(sql), (inside) =>
    Effect.retry(attempt(sql, schema, table, claim, place, step, inside), {
      // A retry begins with the first statement. In a transaction it is useless, since PostgreSQL
      // refuses all further statements.
      times: inside ? 0 : 3,
      while: (error) => error instanceof SqlError && isUndone(error)
    })
  )

/** Returns true if PostgreSQL ended the statement in favour of another one. */
const isUndone = ({ reason }: SqlError) =>
  reason._tag === "DeadlockError" || reason._tag === "SerializationError"

const attempt = Effect.fnUntraced(function* <E>(
  sql: SqlClient,
  schema: SchemaName,
  table: AnyTable,
  { epoch, generation, lease, name }: Claim,
  place: PostgresTable.Place,
  { event, events, eventsPerSecond, fold, from, keys, partition, to }: Step<E>,
  inside: boolean
): Effect.fn.Return<void, E | ClaimLost | SqlError> {
  const lost = () => new ClaimLost({ name, generation, epoch })
  const held = [
    name,
    PgTypes.int4(generation),
    PgTypes.int8(BigInt(epoch)),
    PgTypes.int4(partition),
    PgTypes.int8(from)
  ]
  let rows: ReadonlyMap<string, StoredRow> = new Map()
  if (keys.length > 0) {
    const text = PostgresTable.loadOfStep(schema, table, place)
    const parameters = [...held, ...keyed(table, keys)]
    const found = yield* run(sql, text, parameters, keys.length)
    if (found.length === 0) return yield* lost()
    rows = byKey(table, found)
  }
  const changes = yield* Effect.fromResult(fold(rows))
  const { deletions, upserts } = changes
  const written = { upserts: upserts.length > 0, deletions: deletions.length > 0 }
  const text = PostgresTable.writeOfStep(schema, table, place, written, inside)
  const moved = yield* run(
    sql,
    text,
    [
      ...held,
      PgTypes.int8(to),
      PgTypes.float8(millisOf(lease)),
      PgTypes.int8(BigInt(events)),
      PgTypes.float8(eventsPerSecond),
      PgTypes.text(event),
      ...changed(table, changes)
    ],
    deletions.length
  )
  if (!Arr.isReadonlyArrayNonEmpty(moved)) return yield* lost()
})
