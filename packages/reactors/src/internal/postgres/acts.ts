/**
 * The record of acts on consumer groups in PostgreSQL: the log's own, which hosts can't change, or
 * else a table beside the groups.
 */
import { mayRead, mayRecord } from "@daybook/store/sql/ActRights"
import * as PgTypes from "@daybook/store/sql/PgTypes"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { SqlError } from "effect/sql/SqlError"
import { Name } from "../../ConsumerGroup.ts"
import type { Act, Why } from "../../HeldKey.ts"
import { type Database, millis, NOW } from "./database.ts"

const subjectOf = (name: string) => `consumer group ${name}`

/** Records an act for each of the details, in the transaction of the change. */
export const record = Effect.fnUntraced(function* (
  { log, sql, table }: Database,
  name: string,
  act: Act["act"],
  details: ReadonlyArray<Act["details"]>,
  { actor, reason }: Why
): Effect.fn.Return<void, SqlError> {
  const isOfLog = yield* mayRecord(sql, log)
  const each = `json_array_elements($5) WITH ORDINALITY AS d (details, n)`
  yield* sql.unsafe(
    isOfLog
      ? `SELECT "${log}".record_act($1, $2, $3, $4, d.details) FROM ${each} ORDER BY d.n`
      : `INSERT INTO ${table("acts")} (acted_at, act, name, login, actor, reason, details)
        SELECT date_trunc('milliseconds', ${NOW}), $1, $2, session_user, $3, $4, d.details
        FROM ${each} ORDER BY d.n`,
    [
      PgTypes.text(act),
      PgTypes.text(isOfLog ? subjectOf(name) : name),
      PgTypes.text(actor ?? null),
      PgTypes.text(reason ?? null),
      PgTypes.json(details)
    ]
  )
})

/** Returns the acts on a group in the order of time. */
export const list = Effect.fnUntraced(function* (
  { log, sql, table }: Database,
  name: string
): Effect.fn.Return<ReadonlyArray<Act>, SqlError> {
  const columns = `act_id, act, acted_at, login, actor, reason, details`
  const own = `SELECT ${columns} FROM ${table("acts")} WHERE name = $1`
  const isReadable = yield* mayRead(sql, log)
  const ofLog = isReadable
    ? `UNION ALL SELECT ${columns} FROM "${log}".acts WHERE subject = $2`
    : ""
  const rows = yield* sql.unsafe<{
    readonly act: Act["act"]
    readonly acted_at: number
    readonly login: string
    readonly actor: string | null
    readonly reason: string | null
    readonly details: Act["details"]
  }>(
    `SELECT act, ${millis("acted_at")} AS acted_at, login, actor, reason, details
    FROM (${own} ${ofLog}) a ORDER BY a.acted_at, a.act_id`,
    [PgTypes.text(name), ...(isReadable ? [PgTypes.text(subjectOf(name))] : [])]
  )
  return rows.map(({ act, acted_at, actor, details, login, reason }): Act => ({
    group: Name.make(name),
    act,
    at: DateTime.makeUnsafe(acted_at),
    login: Option.some(login),
    actor: Option.fromNullOr(actor),
    reason: Option.fromNullOr(reason),
    details
  }))
})
