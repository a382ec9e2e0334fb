/**
 * Reads from PostgreSQL the log and the history that a position belongs to.
 */
import type { EventId } from "@daybook/kernel/EventId"
import * as EventMark from "@daybook/kernel/EventMark"
import type { LogId } from "@daybook/kernel/LogId"
import type { Position } from "@daybook/kernel/Position"
import * as PgTypes from "@effect/sql-pg/PgTypes"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { type Checkpoint, CheckpointMismatch, position as positionOf } from "../../../Checkpoint.ts"
import type { SchemaName } from "../../../PostgresSchema.ts"
import { judge } from "../../driver/judgeCheckpoint.ts"
import { statement as readCommitted } from "../sql/readCommitted.ts"

/** The facts about the log from one statement. */
interface Seen {
  readonly settled: Position
  readonly newest: Position
  readonly log: LogId
  readonly settled_event: EventMark.EventMark | null
  readonly given_event: EventMark.EventMark | null
}

/** Reads the end of the log, and fails when `given` is not of its history; all in one statement. */
export const look = Effect.fnUntraced(function* (
  sql: SqlClient,
  schema: SchemaName,
  given: Position | Checkpoint
): Effect.fn.Return<Seen, CheckpointMismatch | SqlError> {
  const rows = yield* readCommitted(
    sql,
    sql<Seen>`
      SELECT settled, newest, log::text AS log, settled_event, given_event
      FROM ${sql(`${schema}.look_at_log`)}(${PgTypes.int8(positionOf(given))})`
  )
  const seen = Arr.getUnsafe(rows, 0)
  const { given_event: event, log, newest } = seen
  const reason = judge(given, { log, newest, event })
  return reason === undefined ? seen : yield* new CheckpointMismatch({ reason })
})

/** Returns the checkpoint at the settled end of the log. */
export const checkpoint = (
  sql: SqlClient,
  schema: SchemaName
): Effect.Effect<Checkpoint, SqlError> =>
  Effect.map(
    readCommitted(
      sql,
      sql<Seen>`SELECT settled, log::text AS log, settled_event
        FROM ${sql(`${schema}.look_at_log`)}(NULL)`
    ),
    (rows) => {
      const { log, settled, settled_event: event } = Arr.getUnsafe(rows, 0)
      return { log, position: settled, event }
    }
  )

export const identity = (sql: SqlClient, schema: SchemaName): Effect.Effect<LogId, SqlError> =>
  Effect.map(
    sql<{ readonly id: LogId }>`SELECT id::text AS id FROM ${sql(`${schema}.log`)}`,
    (rows) => Arr.getUnsafe(rows, 0).id
  )

/** Returns the mark of the last event at or below a settled position. */
export const eventAt = (
  sql: SqlClient,
  schema: SchemaName,
  position: bigint
): Effect.Effect<EventMark.EventMark | null, SqlError> =>
  Effect.map(
    sql<{ readonly id: EventId; readonly recorded_at: Date }>`
      SELECT event_id::text AS id, recorded_at FROM ${sql(`${schema}.events`)}
      WHERE position <= ${PgTypes.int8(position)} ORDER BY position DESC LIMIT 1`,
    ([row]) => (row === undefined ? null : EventMark.at(row.id, row.recorded_at.getTime()))
  )
