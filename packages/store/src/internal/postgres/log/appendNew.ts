/**
 * Writes the appends that can be written at once; the others go to the function that waits and
 * explains.
 */
import type { Position } from "@daybook/kernel/Position"
import type { Revision } from "@daybook/kernel/Revision"
import type { StreamId } from "@daybook/kernel/StreamId"
import type * as Arr from "effect/Array"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { Appended } from "../../../EventStore.ts"
import type { SchemaName } from "../../../PostgresSchema.ts"
import type { EncodedAppend } from "../../driver/encodeAppends.ts"
import { afterAppend } from "./durability.ts"
import { isLockTimeout, isOutOfLocks } from "../locks/patience.ts"
import * as PostgresAppend from "./append.ts"
import { inSavepoint } from "../sql/savepoint.ts"

/** The answers of some appends, in their order; `undefined` for an append that is left. */
export type Written = ReadonlyArray<Appended | undefined>

interface AnswerRow {
  readonly last_revisions: ReadonlyArray<number | null>
  readonly start_position: bigint | null
  readonly recorded_ats: ReadonlyArray<Date> | null
}

/**
 * Writes the appends whose streams are as expected and have no other writer now, and whose ids are
 * new.
 */
export const appendNew = (
  sql: SqlClient,
  schema: SchemaName,
  appends: Arr.NonEmptyReadonlyArray<EncodedAppend>,
  allOrNone = false
): Effect.Effect<Written, SqlError> =>
  Effect.flatMap(afterAppend, (further) =>
    inSavepoint(
      sql,
      sql.unsafe<AnswerRow>(
        `SELECT last_revisions, start_position, recorded_ats${further}
      FROM "${schema}".append_new($1, ${PostgresAppend.expectations(schema, appends, ["$11", "$12"])}, $3, $4, $5, $6, $7, $8,
        ${PostgresAppend.occurredAts(appends)}, $10)`,
        [...PostgresAppend.parameters(appends), allOrNone, ...PostgresAppend.lastEvents(appends)]
      )
    )
  ).pipe(
    Effect.map(([row]): Written => {
      let position = row?.start_position ?? 0n
      const before = new Set<StreamId>()
      return appends.map(({ events, streamId }, index) => {
        // The function leaves a place free between two appends to a stream.
        position += BigInt(events.length + placesBefore(before, streamId))
        const revision = row?.last_revisions[index] ?? undefined
        const recordedAt = row?.recorded_ats?.[index]
        // The numbers are the database's own, so the casts add only the brands.
        return revision === undefined || recordedAt === undefined
          ? undefined
          : {
              revision: revision as Revision,
              position: position as Position,
              recordedAt: DateTime.makeUnsafe(recordedAt),
              repeated: false
            }
      })
    }),
    // Left to the function that waits step by step: ids that others are recording, a table that is
    // locked, and a lock table that is full.
    Effect.catchIf(
      (error) => PostgresAppend.isIdTaken(error) || isLockTimeout(error) || isOutOfLocks(error),
      () => Effect.succeed(appends.map(() => undefined))
    )
  )

/**
 * Returns the number of positions that are left free before an append, given the streams of the
 * earlier appends in its call.
 */
export const placesBefore = (before: Set<StreamId>, streamId: StreamId): 0 | 1 => {
  if (before.has(streamId)) return 1
  before.add(streamId)
  return 0
}

/** Writes one append, in the caller's transaction if there is one. */
export const appendOne = (
  sql: SqlClient,
  schema: SchemaName,
  append: EncodedAppend
): Effect.Effect<Result.Result<Appended, PostgresAppend.Conflict>, SqlError> =>
  Effect.flatMap(appendNew(sql, schema, [append]), ([appended]) =>
    appended === undefined
      ? Effect.map(PostgresAppend.appendEach(sql, schema, [append]), ([answer]) => answer)
      : Effect.succeed(Result.succeed(appended))
  )

/** Writes all appends or none. Checks are appends without events and have no answer. */
export const appendAll = (
  sql: SqlClient,
  schema: SchemaName,
  appends: Arr.NonEmptyReadonlyArray<EncodedAppend>
): Effect.Effect<Arr.NonEmptyReadonlyArray<Appended>, SqlError | PostgresAppend.Conflict> =>
  Effect.flatMap(appendNew(sql, schema, appends, true), (written) => {
    const answers = written.filter((_, index) => appends[index]?.events.length !== 0)
    return answers.every((one) => one !== undefined)
      ? // The first is an append, so this is not empty.
        Effect.succeed(answers as [Appended, ...Array<Appended>])
      : PostgresAppend.appendAll(sql, schema, appends)
  })
