/**
 * Changes of the serving generation in PostgreSQL: the switch, and the change of its mode.
 */
import * as Listed from "@daybook/kernel/Listed"
import { printableLine } from "@daybook/kernel/Printable"
import type { LogId } from "@daybook/kernel/LogId"
import type * as Projection from "@daybook/kernel/Projection"
import type { Position } from "@daybook/kernel/Position"
import type { AppendsStillOpen } from "@daybook/store/sql/OpenAppends"
import type { SchemaName } from "@daybook/store/PostgresSchema"
import * as PgTypes from "@effect/sql-pg/PgTypes"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { type ClaimLost, RowsDiffer } from "../../ReadModelError.ts"
import type { Claim, GenerationState, Reached } from "../../ReadModelGeneration.ts"
import { DependentRefused } from "../../ReadModelStorePostgresError.ts"
import type { Any as AnyTable } from "../../ReadModelTable.ts"
import type { Why } from "../../ReadModelAct.ts"
import type { Recorder } from "./acts.ts"
import { ENDED, lost } from "./claims.ts"
import { quoted } from "./columns.ts"
import { dependents } from "./dependents.ts"
import { differences } from "./differences.ts"
import * as Generations from "./generations.ts"
import { changing, holdTables } from "./locks.ts"
import { rename } from "./rename.ts"
import * as PostgresTable from "./table.ts"

export interface Database {
  readonly sql: SqlClient
  readonly schema: SchemaName
  readonly acts: Recorder
  /** Waits until every append that has drawn a position by now is settled. */
  readonly settle: Effect.Effect<void, AppendsStillOpen | SqlError>
}

const generations = ({ schema }: Database) => `${quoted(schema)}.daybook__generations`

/**
 * Locks the serving and the claimed generation. Their steps wait, and then find the changed
 * generations.
 */
const lockBoth = ({ schema, sql }: Database, name: Projection.Name, claimed?: number) =>
  sql.unsafe(
    `SELECT 1 FROM ${quoted(schema)}.daybook__generations
    WHERE name = $1 AND (role = 'serving' OR generation = $2) ORDER BY generation FOR UPDATE`,
    [PgTypes.text(name), PgTypes.int4(claimed ?? null)]
  )

/** Fails unless the claim is still valid for writes. */
const stillHeld = Effect.fnUntraced(function* (
  database: Database,
  claim: Claim,
  role: GenerationState["role"]
): Effect.fn.Return<void, ClaimLost | SqlError> {
  const held = yield* database.sql.unsafe(
    `SELECT 1 FROM ${generations(database)} WHERE name = $1 AND generation = $2 AND epoch = $3
      AND role = $4 AND mode = 'async' AND NOT paused AND poison IS NULL`,
    [
      PgTypes.text(claim.name),
      PgTypes.int4(claim.generation),
      PgTypes.int8(BigInt(claim.epoch)),
      PgTypes.text(role)
    ]
  )
  if (held.length === 0) return yield* lost(claim)
})

const servingOf = Effect.fnUntraced(function* (
  { schema, sql }: Database,
  name: Projection.Name
): Effect.fn.Return<GenerationState, SqlError> {
  const all = yield* Generations.states(sql, schema, { name })
  const serving = all.find(({ role }) => role === "serving")
  return serving ?? (yield* Effect.die(new Error(`${name} serves nothing`)))
})

const tablesOf = (schema: SchemaName, name: string, serving: number, shadow: number) => [
  PostgresTable.relationIn(schema, name, { generation: serving, serves: true }),
  PostgresTable.relationIn(schema, name, { generation: shadow, serves: false })
]

/** Returns the one position of all partitions of a generation. */
const together = Effect.fnUntraced(function* ({
  checkpoints,
  generation,
  name
}: GenerationState): Effect.fn.Return<Position> {
  const [first, ...others] = checkpoints
  return first === undefined || others.some((other) => other !== first)
    ? // Events between them would be folded twice, or never.
      yield* Effect.die(
        new Error(`${name}, generation ${generation}, is at ${checkpoints.join(", ")} at once`)
      )
    : first
})

/** Retires generations, and ends the claims on them. */
const retire = (database: Database, name: Projection.Name, which: string, version: number) =>
  database.sql.unsafe(
    `UPDATE ${generations(database)} SET role = 'retired', mode = 'async', ${ENDED(database.schema)}
    WHERE name = $1 AND ${which}`,
    [PgTypes.text(name), PgTypes.int4(version)]
  )

/** Returns true if the rows of a shadow may replace serving rows that differ. */
const isAccepted = ({ schema, sql }: Database, { generation, name }: GenerationState) =>
  Effect.map(
    sql.unsafe(
      `SELECT 1 FROM ${quoted(schema)}.daybook__generations
      WHERE name = $1 AND generation = $2 AND accepted`,
      [PgTypes.text(name), PgTypes.int4(generation)]
    ),
    (rows) => rows.length > 0
  )

interface SwitchOptions<E> {
  /** True if the rows must equal those that serve. */
  readonly compare: boolean
  /** Folds the rest of the events, while the serving generation is held still. */
  readonly catchUp: (serving: GenerationState) => Effect.Effect<void, E>
}

export const switchOver = <E>(
  database: Database,
  table: AnyTable,
  claim: Claim,
  options: SwitchOptions<E>
): Effect.Effect<
  GenerationState,
  E | RowsDiffer | ClaimLost | AppendsStillOpen | DependentRefused | SqlError
> =>
  changing(
    database.sql,
    database.schema,
    table.name,
    switchInChange(database, table, claim, options),
    claim.lease
    // A difference is an answer and no failure, so its records are committed.
  ).pipe(Effect.flatMap(Effect.fromResult))

const switchInChange = Effect.fnUntraced(function* <E>(
  database: Database,
  table: AnyTable,
  claim: Claim,
  options: SwitchOptions<E>
): Effect.fn.Return<
  Result.Result<GenerationState, RowsDiffer>,
  E | ClaimLost | AppendsStillOpen | DependentRefused | SqlError
> {
  const { acts, schema, settle, sql } = database
  const { name } = table
  yield* stillHeld(database, claim, "shadow")
  const serving = yield* servingOf(database, name)
  yield* holdTables(sql, tablesOf(schema, name, serving.generation, claim.generation), "go on")
  yield* lockBoth(database, name, claim.generation)
  // A step may have got the locks first.
  yield* stillHeld(database, claim, "shadow")
  const still = yield* servingOf(database, name)
  if (serving.mode === "inline") yield* settle
  yield* options.catchUp(still)
  const shadow = yield* Generations.state(sql, schema, name, claim.generation)
  const position = yield* together(shadow)
  let differing = 0
  if (options.compare) {
    if (serving.mode === "async" && (yield* together(still)) !== position) {
      return yield* Effect.die(new Error(`${name} serves as of another position than ${position}`))
    }
    const { count, first } = yield* differences(sql, schema, table, serving, shadow)
    differing = count
    if (count > 0 && !(yield* isAccepted(database, shadow))) {
      yield* acts.record("differ", name, undefined, {
        generation: shadow.generation,
        rows: count
      })
      yield* retire(database, name, "generation = $2", shadow.generation)
      return Result.fail(new RowsDiffer({ name, position, count, differences: first }))
    }
  }
  // Readers may make any number of dependents, and the record of an act has a limit.
  const leftBehind = Listed.make(
    yield* rename(sql, schema, name, serving.generation, shadow.generation)
  )
  if (leftBehind.count > 0) {
    const kept = Listed.text(leftBehind)
    yield* Effect.logWarning(
      printableLine(`${name}: generation ${serving.generation} is retired and still has ${kept}`)
    )
  }
  yield* retire(database, name, "role = 'serving' AND generation <> $2", shadow.generation)
  yield* sql.unsafe(
    `UPDATE ${generations(database)} SET role = 'serving', mode = $3, left_behind = $4::json,
      ${ENDED(schema)}
    WHERE name = $1 AND generation = $2`,
    [
      PgTypes.text(name),
      PgTypes.int4(shadow.generation),
      PgTypes.text(serving.mode),
      PgTypes.text(JSON.stringify(leftBehind))
    ]
  )
  // Shadows of this version or an older one have nothing left to replace.
  yield* retire(database, name, "role = 'shadow' AND version <= $2", shadow.version)
  yield* sql.unsafe(
    `WITH parts AS (
      DELETE FROM ${quoted(schema)}.daybook__checkpoints
      WHERE name = $1 AND generation = $2 AND partition > 0 RETURNING events, events_per_second
    )
    UPDATE ${quoted(schema)}.daybook__checkpoints SET lease_ends = NULL,
      events = events + (SELECT coalesce(sum(p.events), 0) FROM parts p),
      events_per_second = greatest(events_per_second, (SELECT max(p.events_per_second) FROM parts p))
    WHERE name = $1 AND generation = $2 AND partition = 0`,
    [PgTypes.text(name), PgTypes.int4(shadow.generation)]
  )
  yield* acts.record("switch", name, undefined, {
    from: serving.generation,
    to: shadow.generation,
    version: shadow.version,
    ...(differing > 0 ? { differing } : {}),
    ...(leftBehind.count > 0 ? { leftBehind: { ...leftBehind } } : {})
  })
  return Result.succeed(yield* Generations.state(sql, schema, name, shadow.generation))
})

export const promote = <E>(
  database: Database,
  claim: Claim,
  catchUp: Effect.Effect<void, E>
): Effect.Effect<void, E | ClaimLost | AppendsStillOpen | SqlError> =>
  changing(
    database.sql,
    database.schema,
    claim.name,
    Effect.gen(function* () {
      yield* lockBoth(database, claim.name, claim.generation)
      yield* stillHeld(database, claim, "serving")
      yield* database.settle
      yield* catchUp
      yield* database.sql.unsafe(
        `UPDATE ${generations(database)} SET mode = 'inline', ${ENDED(database.schema)}
        WHERE name = $1 AND generation = $2`,
        [PgTypes.text(claim.name), PgTypes.int4(claim.generation)]
      )
    }),
    claim.lease
  )

export const demote = <E>(
  database: Database,
  name: Projection.Name,
  settled: Effect.Effect<Reached, E>
): Effect.Effect<void, E | AppendsStillOpen | SqlError> =>
  changing(
    database.sql,
    database.schema,
    name,
    Effect.gen(function* () {
      yield* lockBoth(database, name)
      const all = yield* Generations.states(database.sql, database.schema, { name })
      const kept = all.find(({ mode }) => mode === "inline")
      if (kept === undefined) return
      yield* database.settle
      const { event, position } = yield* settled
      const generation = [PgTypes.text(name), PgTypes.int4(kept.generation)]
      yield* database.sql.unsafe(
        `UPDATE ${generations(database)} SET mode = 'async', ${ENDED(database.schema)}
        WHERE name = $1 AND generation = $2`,
        generation
      )
      yield* database.sql.unsafe(
        `UPDATE ${quoted(database.schema)}.daybook__checkpoints SET "position" = $3, event = $4::text
        WHERE name = $1 AND generation = $2`,
        [...generation, PgTypes.int8(position), PgTypes.text(event)]
      )
    })
  )

/** Empties a claimed shadow, and begins it again from the start of a log. */
export const restart = (
  database: Database,
  claim: Claim,
  log: LogId
): Effect.Effect<void, ClaimLost | SqlError> =>
  changing(
    database.sql,
    database.schema,
    claim.name,
    Effect.gen(function* () {
      const { schema, sql } = database
      const { generation, name } = claim
      yield* stillHeld(database, claim, "shadow")
      const table = PostgresTable.relationIn(schema, name, { generation, serves: false })
      yield* holdTables(sql, [table], "wait")
      yield* lockBoth(database, name, generation)
      // A step may have got the locks first.
      yield* stillHeld(database, claim, "shadow")
      yield* sql.unsafe(`TRUNCATE ${table}`).unprepared
      const key = [PgTypes.text(name), PgTypes.int4(generation)]
      yield* sql.unsafe(
        `UPDATE ${quoted(schema)}.daybook__checkpoints
        SET "position" = 0, event = NULL, events = 0, events_per_second = 0
        WHERE name = $1 AND generation = $2`,
        key
      )
      yield* sql.unsafe(
        `UPDATE ${generations(database)} SET log = $3::text::uuid WHERE name = $1 AND generation = $2`,
        [...key, PgTypes.text(log)]
      )
    })
  )

/**
 * Records the position of an inline generation whose checkpoint is still the compared one; appends
 * go on, as they don't read checkpoints.
 */
export const mark = (
  { schema, sql }: Pick<Database, "schema" | "sql">,
  { generation, name }: Pick<Claim, "name" | "generation">,
  compared: Reached,
  { event, position }: Reached
): Effect.Effect<void, SqlError> =>
  Effect.asVoid(
    sql.unsafe(
      `UPDATE ${quoted(schema)}.daybook__checkpoints c SET "position" = $3, event = $4::text
      FROM ${quoted(schema)}.daybook__generations g
      WHERE g.name = $1 AND g.generation = $2 AND g.mode = 'inline'
        AND c.name = g.name AND c.generation = g.generation AND c."position" < $3
        AND c."position" = $5 AND c.event IS NOT DISTINCT FROM $6::text`,
      [
        PgTypes.text(name),
        PgTypes.int4(generation),
        PgTypes.int8(position),
        PgTypes.text(event),
        PgTypes.int8(compared.position),
        PgTypes.text(compared.event)
      ]
    )
  )

/** Fails if the table has dependents that would be dropped with it, or prevent its drop. */
const refuseDependents = Effect.fnUntraced(function* (
  sql: SqlClient,
  schema: SchemaName,
  name: string,
  table: string
): Effect.fn.Return<void, DependentRefused | SqlError> {
  // Parts of the table itself go with it, and are not refused.
  const found = yield* dependents(sql, name, table)
  const others = found.filter(({ apart }) => apart).map(({ what }) => what)
  if (Arr.isReadonlyArrayNonEmpty(others)) {
    const relation = table.slice(table.indexOf(".") + 2, -1)
    return yield* new DependentRefused({ schema, relation, dependents: others })
  }
})

export const drop = (
  { acts, schema, sql }: Database,
  name: Projection.Name,
  generation: number,
  why: Why | undefined
): Effect.Effect<void, DependentRefused | SqlError> =>
  changing(
    sql,
    schema,
    name,
    Effect.gen(function* () {
      const key = [PgTypes.text(name), PgTypes.int4(generation)]
      const [found] = yield* sql.unsafe<{ readonly role: GenerationState["role"] }>(
        `SELECT role FROM ${quoted(schema)}.daybook__generations
        WHERE name = $1 AND generation = $2`,
        key
      )
      if (found === undefined) return
      if (found.role === "serving")
        return yield* Effect.die(new Error(`${name} serves generation ${generation}`))
      const table = PostgresTable.relationIn(schema, name, { generation, serves: false })
      const there = yield* sql.unsafe(
        "SELECT FROM pg_class c WHERE c.relnamespace = $1::text::regnamespace::oid AND c.relname = $2",
        [
          PgTypes.text(quoted(schema)),
          PgTypes.text(PostgresTable.relation(name, { generation, serves: false }))
        ]
      )
      if (there.length > 0) yield* refuseDependents(sql, schema, name, table)
      yield* sql.unsafe(`DROP TABLE IF EXISTS ${table}`).unprepared
      yield* sql.unsafe(
        `DELETE FROM ${quoted(schema)}.daybook__generations WHERE name = $1 AND generation = $2`,
        key
      )
      yield* acts.record("drop", name, why, { generation })
    })
  )
