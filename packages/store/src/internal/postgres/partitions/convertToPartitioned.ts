/**
 * Converts the one table of events into the first of several partitions, while hosts append and
 * read.
 *
 * Each step is a transaction, waits at most half a second for others, and can be repeated. If it
 * ends in the middle, the log is as it was, except that some ids are recorded twice.
 */
import * as Listed from "@daybook/kernel/Listed"
import { printableLine } from "@daybook/kernel/Printable"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { PartitioningRefused } from "./refused.ts"
import type { SchemaName } from "../../../PostgresSchema.ts"
import { dependents } from "../schema/dependents.ts"
import { change, isPartitioned, logTable, newestAppend, runAll } from "./partitions.ts"
import { recordAct } from "../schema/callRecordAct.ts"
import * as Statements from "./statements.ts"

/**
 * The number of ids that one transaction copies: a fraction of a second's work, on rows that no
 * append waits for.
 */
const BATCH_ROWS = 20_000

/**
 * Converts the log. `lastOf` maps the number of the newest append to that of the last append of
 * the first partition, which should be far above it.
 */
export const convertToPartitioned = (
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
        // A writer that has drawn a number has read events before, so this lock waits for its end.
        yield* sql`LOCK TABLE ${sql(`${schema}.events`)} IN ACCESS EXCLUSIVE MODE`
        if ((yield* newestAppend(sql, schema)) >= last) return false
        const leftBehind = Listed.make(yield* refuseDependents(sql, schema))
        yield* runAll(sql, Statements.convertToPartitioned(schema, last))
        if (leftBehind.count > 0) {
          yield* Effect.logWarning(
            printableLine(`The first partition of the log keeps ${Listed.text(leftBehind)}`)
          )
        }
        const made = { ...Listed.make([Statements.tableOf(1n)]) }
        yield* recordAct(sql, schema, "partition", {
          made,
          upToAppend: String(last),
          ...(leftBehind.count > 0 ? { leftBehind: { ...leftBehind } } : {})
        })
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
    // Another round is needed only if the log grew by a whole partition meanwhile.
    Effect.andThen(Effect.repeat(swap, { until: (done) => done, schedule: Schedule.forever })),
    Effect.asVoid
  )
}

/**
 * Validates the check. Another host may have dropped it after a failure; attaching then scans the
 * table itself.
 */
const validate = Effect.fnUntraced(function* (sql: SqlClient, schema: SchemaName) {
  const found = yield* sql`
    SELECT FROM pg_constraint WHERE conname = ${Statements.CHECK}
      AND conrelid = (SELECT oid FROM (${logTable(sql, schema)}) log)`
  if (found.length > 0) yield* sql.unsafe(Statements.validateCheck(schema))
})

/** Fails if an object of the owner is built on the table; returns those that stay with it. */
const refuseDependents = Effect.fnUntraced(function* (
  sql: SqlClient,
  schema: SchemaName
): Effect.fn.Return<ReadonlyArray<string>, PartitioningRefused | SqlError> {
  const found = yield* dependents(sql, schema)
  const refusing = found.filter(({ refuses }) => refuses).map(({ what }) => what)
  if (Arr.isReadonlyArrayNonEmpty(refusing)) {
    return yield* new PartitioningRefused({ reason: { _tag: "DependedOn", dependents: refusing } })
  }
  return found.map(({ what }) => what)
})

/**
 * Copies the ids of events that were recorded before the trigger existed.
 *
 * All those events are committed: making the trigger waited for every open writer.
 */
const copyIds = Effect.fnUntraced(function* (sql: SqlClient, schema: SchemaName) {
  if (yield* isPartitioned(sql, schema)) return
  const events = sql(`${schema}.events`)
  let after = 0n
  while (true) {
    const [batch] = yield* change(
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
