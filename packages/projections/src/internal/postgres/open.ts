/**
 * Finds and creates generations in PostgreSQL.
 */
import type { LogId } from "@daybook/kernel/LogId"
import type * as Projection from "@daybook/kernel/Projection"
import type { SchemaName } from "@daybook/store/PostgresSchema"
import * as PgTypes from "@effect/sql-pg/PgTypes"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { DefinitionChanged, OtherLog, Superseded } from "../../ReadModelError.ts"
import type { GenerationState, Opened } from "../../ReadModelGeneration.ts"
import { ForeignRelation } from "../../ReadModelStorePostgresError.ts"
import type { Any as AnyTable } from "../../ReadModelTable.ts"
import { asOwner } from "./asOwner.ts"
import { partitionCount } from "../fold/partition.ts"
import { quoted } from "./columns.ts"
import * as Generations from "./generations.ts"
import { changing } from "./locks.ts"
import { takeGrants } from "./rename.ts"
import * as PostgresTable from "./table.ts"

interface Found {
  readonly generation: number
  readonly version: Projection.Version
  readonly log: LogId | null
  readonly role: GenerationState["role"]
  readonly description: ReadonlyArray<string>
}

/** The generations of a definition; the missing ones must be created. */
interface Known {
  readonly serving: Found | undefined
  readonly shadow: Found | undefined
}

type Refused = OtherLog | DefinitionChanged | Superseded

const find = (sql: SqlClient, schema: SchemaName, name: Projection.Name) =>
  sql.unsafe<Found>(
    `SELECT generation, version, log::text AS log, role, description FROM ${quoted(schema)}.daybook__generations
    WHERE name = $1 AND role <> 'retired' ORDER BY generation`,
    [PgTypes.text(name)]
  )

/**
 * Returns the generations of a definition; fails if a newer version or another log serves, or if
 * the definition of the same version differs.
 */
const judge = (
  { description, name, version }: AnyTable,
  found: ReadonlyArray<Found>,
  log?: LogId
): Result.Result<Known, Refused> => {
  const serving = found.find(({ role }) => role === "serving")
  const kept = serving?.log ?? undefined
  if (log !== undefined && kept !== undefined && kept !== log) {
    return Result.fail(new OtherLog({ name, kept, given: log }))
  }
  if (serving !== undefined && serving.version > version) {
    return Result.fail(new Superseded({ name, version, serving: serving.version }))
  }
  const same = found.find((one) => one.version === version)
  if (same !== undefined) {
    const stored = same.description.filter((line) => !description.includes(line))
    const defined = description.filter((line) => !same.description.includes(line))
    if (stored.length > 0 || defined.length > 0) {
      return Result.fail(new DefinitionChanged({ name, version, stored, defined }))
    }
  }
  const shadow = found.find((one) => one.role === "shadow" && one.version === version)
  return Result.succeed({ serving, shadow })
}

/** Finds the serving generation and the shadow that the version needs, or creates them. */
export const open = Effect.fnUntraced(function* (
  sql: SqlClient,
  schema: SchemaName,
  table: AnyTable,
  asked: number,
  log: LogId | undefined
): Effect.fn.Return<Opened, Refused | ForeignRelation | SqlError> {
  const partitions = yield* partitionCount(asked)
  const isWhole = ({ serving, shadow }: Known) =>
    serving !== undefined && (serving.version === table.version || shadow !== undefined)
  const look = Effect.flatMap(find(sql, schema, table.name), (found) =>
    Effect.fromResult(judge(table, found, log))
  )
  let known = yield* look
  // The lock is taken only to create something, since every host opens its read models at its
  // start.
  if (!isWhole(known)) {
    known = yield* changing(
      sql,
      schema,
      table.name,
      Effect.gen(function* () {
        const { serving, shadow } = yield* look
        if (serving === undefined) yield* make(sql, schema, table, "serving", 1, log)
        else if (serving.version < table.version && shadow === undefined) {
          yield* make(sql, schema, table, "shadow", partitions, log)
        }
        return yield* look
      })
    )
  }
  if (log !== undefined && known.serving?.log === null) {
    yield* sql.unsafe(
      `UPDATE ${quoted(schema)}.daybook__generations SET log = $2::text::uuid WHERE name = $1 AND log IS NULL`,
      [PgTypes.text(table.name), PgTypes.text(log)]
    )
  }
  const all = yield* Generations.states(sql, schema, { name: table.name })
  const state = (of: Found | undefined) =>
    Option.fromUndefinedOr(all.find(({ generation }) => generation === of?.generation))
  const serving = state(known.serving)
  return Option.isSome(serving)
    ? { serving: serving.value, shadow: state(known.shadow) }
    : yield* Effect.die(new Error(`${table.name} serves nothing`))
})

/** Finds the shadow of a version, or creates it; runs in the transaction of a change. */
export const shadow = Effect.fnUntraced(function* (
  sql: SqlClient,
  schema: SchemaName,
  table: AnyTable,
  asked: number,
  log: LogId | undefined
): Effect.fn.Return<number, Refused | ForeignRelation | SqlError> {
  const partitions = yield* partitionCount(asked)
  const known = yield* Effect.fromResult(judge(table, yield* find(sql, schema, table.name)))
  if (known.serving === undefined) yield* make(sql, schema, table, "serving", 1, log)
  return known.shadow === undefined
    ? yield* make(sql, schema, table, "shadow", partitions, log)
    : known.shadow.generation
})

const make = Effect.fnUntraced(function* (
  sql: SqlClient,
  schema: SchemaName,
  table: AnyTable,
  role: "serving" | "shadow",
  partitions: number,
  log: LogId | undefined
): Effect.fn.Return<number, ForeignRelation | SqlError> {
  const own = quoted(schema)
  const rows = yield* sql.unsafe<{ readonly generation: number }>(
    `INSERT INTO ${own}.daybook__generations (name, generation, version, role, description, log, paused)
    SELECT $1, coalesce(max(generation), 0) + 1, $2, $3, $4, $5::text::uuid,
      coalesce(bool_or(paused) FILTER (WHERE role <> 'retired'), false)
    FROM ${own}.daybook__generations WHERE name = $1 RETURNING generation`,
    [
      PgTypes.text(table.name),
      PgTypes.int4(table.version),
      PgTypes.text(role),
      Result.getOrThrow(PgTypes.array(table.description, PgTypes.OID.text)),
      PgTypes.text(log ?? null)
    ]
  )
  const { generation } = Arr.getUnsafe(rows, 0)
  const place = { generation, serves: role === "serving" }
  yield* sql.unsafe(
    `INSERT INTO ${own}.daybook__checkpoints (name, generation, partition)
    SELECT $1, $2, partition FROM generate_series(0, $3::integer - 1) AS partition`,
    [PgTypes.text(table.name), PgTypes.int4(generation), PgTypes.int4(partitions)]
  )
  const relation = PostgresTable.relation(table.name, place)
  // A table also creates a type of its name, so neither may exist.
  const foreign = yield* sql.unsafe(
    `SELECT FROM pg_class WHERE relnamespace = $1::regnamespace AND relname = $2
    UNION ALL
    SELECT FROM pg_type WHERE typnamespace = $1::regnamespace AND typname = $2`,
    [PgTypes.text(own), PgTypes.text(relation)]
  )
  if (foreign.length > 0) return yield* new ForeignRelation({ schema, relation })
  const statements = PostgresTable.definition(schema, table, place)
  // Unprepared, since each is run once: it would only evict a prepared statement that is run often.
  const define = Effect.forEach(statements, (statement) => sql.unsafe(statement).unprepared)
  // A serving table has the grants that its owner gives. A shadow has no grants until it serves,
  // since it lacks the restrictions of the serving table, such as its policies and revoked grants.
  const shut = place.serves
    ? Effect.void
    : takeGrants(sql, PostgresTable.relationIn(schema, table.name, place))
  yield* asOwner(sql, schema, Effect.andThen(define, shut))
  return generation
})
