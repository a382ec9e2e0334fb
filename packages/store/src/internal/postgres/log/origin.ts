/**
 * The end of a log in PostgreSQL, and the origin of a position in it.
 */
import type * as EventMark from "@daybook/kernel/EventMark"
import type { LogId } from "@daybook/kernel/LogId"
import type { Position } from "@daybook/kernel/Position"
import * as PgTypes from "../../../sql/PgTypes.ts"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { Origin } from "../../../driver/EventStoreDriver.ts"
import type { SchemaName } from "../../../PostgresSchema.ts"
import { readCommitted } from "../sql/readCommitted.ts"

interface Row {
  readonly settled: Position
  readonly newest: Position
  readonly log: LogId
  readonly settled_event: EventMark.EventMark | null
  readonly given_event: EventMark.EventMark | null
}

/** Reads the id of the log, also where its end can't be read. */
export const identity = (sql: SqlClient, schema: SchemaName): Effect.Effect<LogId, SqlError> =>
  Effect.map(
    sql<{ readonly id: LogId }>`SELECT id::text AS id FROM ${sql(`${schema}.log`)}`,
    (rows) => Arr.getUnsafe(rows, 0).id
  )

/** Reads both in one statement. */
export const origin = (
  sql: SqlClient,
  schema: SchemaName,
  position: Position
): Effect.Effect<Origin, SqlError> =>
  Effect.map(
    readCommitted(
      sql,
      sql<Row>`
        SELECT settled, newest, log::text AS log, settled_event, given_event
        FROM ${sql(`${schema}.look_at_log`)}(${PgTypes.int8(position)})`
    ),
    (rows) => {
      const { given_event, log, newest, settled, settled_event } = Arr.getUnsafe(rows, 0)
      return { log, settled, newest, settledEvent: settled_event, givenEvent: given_event }
    }
  )
