/**
 * Appends that are transactions of their own: one event alone goes to the function
 * `try_append_event` in PostgreSQL, which takes no arrays, and all others to `try_append`.
 */
import * as EventMark from "@daybook/kernel/EventMark"
import type { Position } from "@daybook/kernel/Position"
import type { Revision } from "@daybook/kernel/Revision"
import * as PgTypes from "../../../sql/PgTypes.ts"
import type * as Arr from "effect/Array"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { Appended } from "../../../EventStore.ts"
import type { SchemaName } from "../../../PostgresSchema.ts"
import type { EncodedAppend, WrittenEvent } from "../../../driver/EventStoreDriver.ts"
import * as Instants from "../sql/instants.ts"
import { isOtherwise, refusedIsolation } from "../sql/readCommitted.ts"
import { expectedNumber, isLeft, NEVER_MET, tryAppend, type Written } from "./callTryAppend.ts"
import { asynchronousCommitColumn } from "./durability.ts"

/** The answer: NULLs if the event is left. */
type AnswerRow =
  | readonly [revision: number, position: bigint, recordedAt: Date]
  | readonly [null, null, null]

/** Makes {@link tryAppend} for callers without a transaction. */
export const make = Effect.fnUntraced(function* (
  sql: SqlClient,
  schema: SchemaName
): Effect.fn.Return<
  (appends: Arr.NonEmptyReadonlyArray<EncodedAppend>) => Effect.Effect<Written, SqlError>
> {
  const further = yield* asynchronousCommitColumn
  const call = (expected: string) =>
    `SELECT revision, position, recorded_at${further}
    FROM "${schema}".try_append_event($1, ${expected}, $3, $4, $5, $6, $7, $8)`
  const plain = call("$2")
  // As in `expectations`.
  const compared = call(`CASE WHEN EXISTS (
    SELECT FROM "${schema}".events e
    WHERE e.stream_id = $1 AND e.revision = $2 AND e.event_id = $9 AND e.recorded_at = $10
  ) THEN $2 ELSE ${NEVER_MET} END`)

  const tryEvent = ({ expected, lastEvent, streamId }: EncodedAppend, event: WrittenEvent) => {
    const { data, id, metadata, occurredAt, schemaVersion, type } = event
    const parameters = [
      streamId,
      expectedNumber(expected),
      id,
      type,
      PgTypes.int2(schemaVersion),
      data,
      metadata,
      Instants.toText(occurredAt)
    ]
    return Effect.map(
      lastEvent === undefined
        ? sql.unsafe(plain, parameters).values
        : sql.unsafe(compared, [
            ...parameters,
            EventMark.eventId(lastEvent),
            PgTypes.timestamptz(EventMark.recordedAt(lastEvent))
          ]).values,
      (rows) => [appendedOf(rows)]
    )
  }

  return (appends) => {
    const [first, second] = appends
    const [event, another] = first.events
    // Under another level the call is in a transaction, which `try_append` bounds in time.
    return second !== undefined || event === undefined || another !== undefined || isOtherwise(sql)
      ? tryAppend(sql, schema, appends)
      : Effect.catch(tryEvent(first, event), (error): Effect.Effect<Written, SqlError> => {
          if (isLeft(error)) return Effect.succeed([undefined])
          return refusedIsolation(error) === undefined
            ? Effect.fail(error)
            : tryAppend(sql, schema, appends)
        })
  }
})

const appendedOf = (rows: ReadonlyArray<ReadonlyArray<unknown>>): Appended | undefined => {
  // The function returns one row of these columns. The numbers are the database's own, so the casts
  // add only the brands.
  const [revision, position, recordedAt] = (rows as ReadonlyArray<AnswerRow>)[0] ?? [null, null]
  return revision === null || position === null
    ? undefined
    : {
        revision: revision as Revision,
        position: position as Position,
        recordedAt: DateTime.makeUnsafe(recordedAt),
        repeated: false
      }
}
