/**
 * Turns the one table of events over into the first of several partitions, while hosts append and read.
 *
 * Each step is a transaction, waits half a second for others at most, and can be taken again: after an end in the middle the
 * log is as it was, but for ids that are remembered twice.
 */
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { PartitioningRefused } from "../../../PartitioningRefused.ts"
import type { SchemaName } from "../../../PostgresSchema.ts"
import { dependents } from "../schema/dependents.ts"
import { asOwner, change, isPartitioned, logTable, newestAppend, runAll } from "./partitions.ts"
import { recordAct } from "../schema/recordAct.ts"
import * as Statements from "./statements.ts"

/** How many ids one transaction copies: a fraction of a second's work, whose rows appends don't wait for. */
const BATCH_ROWS = 20_000

/** `lastOf` gives the last append of the first partition, of the number of the newest: a good deal more. */
export const turnOver = (
  sql: SqlClient,
  schema: SchemaName,
  lastOf: (newest: bigint) => bigint
): Effect.Effect<void, PartitioningRefused | SqlError> => {
  const unlessPartitioned = <E>(work: Effect.Effect<unknown, E | SqlError>) =>
    change<void, E>(
      sql,
      schema,
      Effect.flatMap(isPartitioned(sql, schema), (is) => (is ? Effect.void : Effect.asVoid(work)))
    )

  const begin = unlessPartitioned(
    Effect.gen(function* () {
      yield* refuseDependents(sql, schema)
      const found = yield* sql`SELECT FROM (${logTable(sql, schema, "recorded_ids")}) ids`
      if (found.length === 0) yield* runAll(sql, Statements.rememberIds(schema))
    })
  )

  const attach = (last: bigint) =>
    change(
      sql,
      schema,
      Effect.gen(function* () {
        if (yield* isPartitioned(sql, schema)) return true
        // A writer that has drawn a number by now has read events before, so that this waits for its end.
        yield* sql`LOCK TABLE ${sql(`${schema}.events`)} IN ACCESS EXCLUSIVE MODE`
        if ((yield* newestAppend(sql, schema)) >= last) return false
        yield* refuseDependents(sql, schema)
        yield* runAll(sql, Statements.turnOver(schema, last))
        const made = [Statements.tableOf(1n)]
        yield* recordAct(sql, schema, "partition", { made, upToAppend: String(last) })
        return true
      })
    )

  const swap = Effect.gen(function* () {
    const last = lastOf(yield* newestAppend(sql, schema))
    yield* unlessPartitioned(runAll(sql, Statements.addCheck(schema, last)))
    return yield* unlessPartitioned(validate(sql, schema)).pipe(
      Effect.andThen(attach(last)),
      Effect.onError(() =>
        Effect.ignore(unlessPartitioned(sql.unsafe(Statements.dropCheck(schema))))
      )
    )
  })

  return begin.pipe(
    Effect.andThen(copyIds(sql, schema)),
    // Only a log that grew by a whole partition meanwhile needs another round.
    Effect.andThen(Effect.repeat(swap, { until: (done) => done, schedule: Schedule.forever })),
    Effect.asVoid
  )
}

/** Another host may have withdrawn the check, as it failed; then attaching looks for itself. */
const validate = Effect.fnUntraced(function* (sql: SqlClient, schema: SchemaName) {
  const found = yield* sql`
    SELECT FROM pg_constraint WHERE conname = ${Statements.CHECK}
      AND conrelid = (SELECT oid FROM (${logTable(sql, schema)}) log)`
  if (found.length > 0) yield* sql.unsafe(Statements.validateCheck(schema))
})

const refuseDependents = Effect.fnUntraced(function* (sql: SqlClient, schema: SchemaName) {
  const found = yield* dependents(sql, schema)
  if (Arr.isReadonlyArrayNonEmpty(found)) {
    return yield* new PartitioningRefused({ reason: { _tag: "DependedOn", dependents: found } })
  }
})

/**
 * Copies the ids of events that were there before ids were remembered.
 *
 * All of those are committed: making the trigger waited for whoever was writing.
 */
const copyIds = Effect.fnUntraced(function* (sql: SqlClient, schema: SchemaName) {
  if (yield* isPartitioned(sql, schema)) return
  const events = sql(`${schema}.events`)
  let after = 0n
  while (true) {
    const [batch] = yield* asOwner(
      sql,
      schema,
      sql<{ readonly last: bigint | null }>`
        WITH batch AS (
          SELECT event_id, position FROM ${events} WHERE position > ${after}
          ORDER BY position LIMIT ${BATCH_ROWS}
        ), copied AS (
          INSERT INTO ${sql(`${schema}.recorded_ids`)} (event_id, position)
            SELECT event_id, position FROM batch ON CONFLICT DO NOTHING
        )
        SELECT max(position) AS last FROM batch`
    )
    if (batch === undefined || batch.last === null) return
    after = batch.last
  }
})
