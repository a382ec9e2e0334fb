/**
 * The settled position of a log in PostgreSQL.
 */
import type * as Position from "@daybook/kernel/Position"
import * as PgTypes from "../../../sql/PgTypes.ts"
import * as Arr from "effect/Array"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { HeldBack, Patience } from "../../../PostgresLocks.ts"
import type { SchemaName } from "../../../PostgresSchema.ts"
import { inTransaction } from "../../../sql/Transaction.ts"
import { eventsOf, openAppends } from "../locks/holders.ts"
import * as Turns from "../locks/turns.ts"
import { APPENDER_LOCK, PLACES } from "../schema/sqlParts.ts"
import { readCommitted } from "../sql/readCommitted.ts"
import * as ServerTime from "../sql/serverTime.ts"

/**
 * Waits until the log is settled up to its present newest append, or up to `upTo`, and returns the
 * settled position.
 *
 * Otherwise a reader that reads once would take the settled part for the whole log: for a log with
 * one append that is open, nothing. An append of the caller's own transaction can't be waited for:
 * then the present settled position is returned.
 */
export const settledPosition = Effect.fnUntraced(function* (
  sql: SqlClient,
  schema: SchemaName,
  upTo?: Position.Position
): Effect.fn.Return<Position.Position, SqlError | HeldBack> {
  const look = Effect.map(
    readCommitted(
      sql,
      // In this order: the newest append, then the open ones.
      sql<{ readonly newest: Position.Position; readonly settled: Position.Position }>`
        SELECT ${sql(`${schema}.newest_append`)}() * ${PgTypes.int8(PLACES)} AS newest,
          ${sql(`${schema}.settled_position`)}() AS settled`
    ),
    (rows) => Arr.getUnsafe(rows, 0)
  )
  const { newest, settled } = yield* look
  const needed = upTo !== undefined && upTo < newest ? upTo : newest
  if (settled >= needed) return settled
  if (yield* inTransaction(sql)) {
    const [own] = yield* sql<{ readonly is: boolean }>`
      SELECT EXISTS (SELECT FROM pg_catalog.pg_locks l WHERE l.pid = pg_catalog.pg_backend_pid()
        AND l.locktype = 'relation' AND l.relation = ${eventsOf(sql, schema)}
        AND l.mode = ${APPENDER_LOCK}) AS is`
    if (own?.is === true) return settled
  }
  const { reads } = yield* Patience
  const isInside = yield* inTransaction(sql)
  const began = yield* ServerTime.now(sql)
  let waitedMillis = 0
  while (waitedMillis < Duration.toMillis(reads)) {
    const lookAndSleep = Effect.flatMap(look, ({ settled }) =>
      settled >= needed
        ? Effect.succeed({ settled, now: began })
        : Effect.map(ServerTime.sleep(sql, LOOK_PAUSE_MILLIS), (now) => ({ settled, now }))
    )
    // A transaction of the caller has its connection already, which the others may wait for.
    const { now, settled } = yield* isInside ? lookAndSleep : turnOf(sql)(lookAndSleep)
    if (settled >= needed) return settled
    waitedMillis = now - began
  }
  const holders = yield* openAppends(sql, schema)
  const last = yield* look
  if (last.settled >= needed) return last.settled
  return yield* new HeldBack({
    settled: last.settled,
    newest: needed,
    waitedMillis,
    holders
  })
})

/** The pause between two looks: about as long as an append takes. */
const LOOK_PAUSE_MILLIS = 3

/** One reader of a host looks and sleeps at a time, so that all of them take one connection. */
const turnOf = Turns.make(1)
