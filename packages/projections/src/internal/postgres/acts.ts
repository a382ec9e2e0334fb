/**
 * The record of administrative acts in PostgreSQL: the log's own, which the role that maintains
 * read models can't change, or else a table beside the read models.
 */
import type * as Projection from "@daybook/kernel/Projection"
import type { SchemaName } from "@daybook/store/PostgresSchema"
import { mayRead, mayRecord } from "@daybook/store/sql/ActRights"
import * as PgTypes from "@daybook/store/sql/PgTypes"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Schema from "effect/Schema"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { Act, Why } from "../../ReadModelAct.ts"
import { quoted } from "./columns.ts"

/** Adds acts in the transaction of a change, and lists them. */
export interface Recorder {
  readonly record: (
    act: Act["act"],
    name: string,
    why: Why | undefined,
    details: Readonly<Record<string, Schema.Json>>
  ) => Effect.Effect<void, SqlError>
  readonly list: (name: Projection.Name) => Effect.Effect<ReadonlyArray<Act>, SqlError>
}

interface ActRow {
  readonly act: Act["act"]
  readonly acted_at: Date
  readonly login: string
  readonly actor: string | null
  readonly reason: string | null
  readonly details: Readonly<Record<string, Schema.Json>>
}

export const make = (sql: SqlClient, schema: SchemaName, log: SchemaName): Recorder => {
  const own = `${quoted(schema)}.daybook__acts`
  return {
    record: Effect.fnUntraced(function* (act, name, why, details) {
      const text = (yield* mayRecord(sql, log))
        ? `SELECT ${quoted(log)}.record_act($1, $2, $3, $4, $5::json)`
        : `INSERT INTO ${own} (acted_at, act, subject, login, actor, reason, details)
          VALUES (pg_catalog.date_trunc('milliseconds'::pg_catalog.text, pg_catalog.clock_timestamp()), $1, $2,
            session_user, $3, $4, $5::json)`
      yield* sql.unsafe(text, [
        PgTypes.text(act),
        PgTypes.text(`read model ${name}`),
        PgTypes.text(why?.actor ?? null),
        PgTypes.text(why?.reason ?? null),
        PgTypes.text(JSON.stringify(details))
      ])
    }),
    list: Effect.fnUntraced(function* (name) {
      const from = [own, ...((yield* mayRead(sql, log)) ? [`${quoted(log)}.acts`] : [])].map(
        (table) =>
          `SELECT acted_at, act_id, act, login, actor, reason, details FROM ${table} WHERE subject = $1`
      )
      const rows = yield* sql.unsafe<ActRow>(
        `SELECT act, acted_at, login, actor, reason, details FROM (${from.join(" UNION ALL ")}) a
        ORDER BY acted_at, act_id`,
        [PgTypes.text(`read model ${name}`)]
      )
      return rows.map(({ act, acted_at, actor, details, login, reason }): Act => ({
        name,
        act,
        at: DateTime.makeUnsafe(acted_at),
        login: Option.some(login),
        actor: Option.fromNullOr(actor),
        reason: Option.fromNullOr(reason),
        details
      }))
    })
  }
}
