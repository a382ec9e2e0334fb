/**
 * Refuses a database that can't hold a log, before anything is written to it.
 */
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { UnfitDatabase } from "./unfitDatabase.ts"
import { readCommittedOrSavepoint } from "../sql/readCommitted.ts"

const NEEDED = "UTF8"

/** Fails unless the database of the client can hold every character of an event. */
export const refuseUnfit = (sql: SqlClient): Effect.Effect<void, UnfitDatabase | SqlError> =>
  Effect.flatMap(
    readCommittedOrSavepoint(
      sql,
      sql<{ readonly database: string; readonly found: string }>`
        SELECT current_database() AS database, current_setting('server_encoding') AS found`
        .unprepared
    ),
    ([row]) =>
      row === undefined || row.found === NEEDED
        ? Effect.void
        : Effect.fail(new UnfitDatabase({ ...row, setting: "server_encoding", needed: NEEDED }))
  )
