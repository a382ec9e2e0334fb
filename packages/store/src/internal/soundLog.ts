/**
 * Appending only to a log whose sequence is where its rows are.
 *
 * Rows that came without their sequence leave numbers free between them: an append could get a position in the middle of the
 * history, where every subscriber has been. Reading looks at each time, since it reads the end of the log anyway; an append looks
 * when its store is new and after an error, so that it costs nothing otherwise.
 */
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import { isSqlError, type SqlError } from "effect/sql/SqlError"
import type { SchemaName } from "../PostgresSchema.ts"
import { settledPosition } from "./postgresRead.ts"
import { inTransaction } from "./savepoint.ts"

export type Soundly = <A, E>(
  append: Effect.Effect<A, E | SqlError>
) => Effect.Effect<A, E | SqlError>

export const make = (sql: SqlClient, schema: SchemaName): Soundly => {
  let sound = false
  const look = Effect.suspend(() =>
    sound
      ? Effect.void
      : Effect.map(settledPosition(sql, schema), () => {
          sound = true
        })
  )
  return (append) =>
    Effect.andThen(look, append).pipe(
      Effect.tapError((error) => {
        if (!isSqlError(error)) return Effect.void
        sound = false
        if (error.reason._tag !== "UniqueViolation") return Effect.void
        // A position that is taken: that the sequence is too low says more, outside of a transaction that has ended.
        return Effect.flatMap(inTransaction(sql), (isInside) => (isInside ? Effect.void : look))
      })
    )
}
