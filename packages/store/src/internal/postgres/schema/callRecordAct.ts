/**
 * Records administrative acts on the log itself, in the transaction of the change.
 */
import * as PgTypes from "../../../sql/PgTypes.ts"
import * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { CurrentWhy, type LogAct } from "../../../PostgresActs.ts"
import type { SchemaName } from "../../../PostgresSchema.ts"
import { asOwner } from "../partitions/partitions.ts"

/**
 * Records an act as the owner, who may call the function; the record names the login all the same.
 */
export const recordAct = (
  sql: SqlClient,
  schema: SchemaName,
  act: LogAct,
  details: Readonly<Record<string, Schema.Json>>
): Effect.Effect<void, SqlError> =>
  Effect.gen(function* () {
    const { actor = null, reason = null } = yield* CurrentWhy
    yield* asOwner(
      sql,
      schema,
      sql.unsafe(`SELECT "${schema}".record_act($1, $2, $3, $4, $5::json)`, [
        PgTypes.text(act),
        PgTypes.text("log"),
        PgTypes.text(actor),
        PgTypes.text(reason),
        PgTypes.text(JSON.stringify(details))
      ])
    )
  })
