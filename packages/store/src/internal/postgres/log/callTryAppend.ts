/**
 * Appends that can be written at once, by the function `try_append` in PostgreSQL, which leaves the
 * others to `append`; and the parameters of both.
 */
import * as EventMark from "@daybook/kernel/EventMark"
import type { Position } from "@daybook/kernel/Position"
import type { Revision } from "@daybook/kernel/Revision"
import type { StreamId } from "@daybook/kernel/StreamId"
import * as PgTypes from "../../../sql/PgTypes.ts"
import type * as Arr from "effect/Array"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { Appended } from "../../../EventStore.ts"
import { ExpectedRevision } from "../../../ExpectedRevision.ts"
import type { SchemaName } from "../../../PostgresSchema.ts"
import type { EncodedAppend } from "../../../driver/EventStoreDriver.ts"
import * as Instants from "../sql/instants.ts"
import { asynchronousCommitColumn } from "./durability.ts"
import { isLockTimeout, isOutOfLocks, sqlErrorIn } from "../locks/waitForLock.ts"
import { readCommittedOrSavepoint } from "../sql/readCommitted.ts"

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
export const tryAppend = (
  sql: SqlClient,
  schema: SchemaName,
  appends: Arr.NonEmptyReadonlyArray<EncodedAppend>,
  allOrNone = false
): Effect.Effect<Written, SqlError> =>
  orLeft(appends, readCommittedOrSavepoint(sql, tryOnce(sql, schema, appends, allOrNone)))

/** Makes one call of the function; in a transaction its failure ends the transaction. */
export const tryOnce = (
  sql: SqlClient,
  schema: SchemaName,
  appends: Arr.NonEmptyReadonlyArray<EncodedAppend>,
  allOrNone = false
): Effect.Effect<Written, SqlError> =>
  Effect.flatMap(asynchronousCommitColumn, (further) =>
    sql.unsafe<AnswerRow>(
      `SELECT last_revisions, start_position, recorded_ats${further}
      FROM "${schema}".try_append($1, ${expectations(schema, appends, ["$11", "$12"])}, $3, $4, $5, $6, $7, $8,
        ${occurredAts(appends)}, $10)`,
      [...parameters(appends), allOrNone, ...lastEvents(appends)]
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
    })
  )

/**
 * Leaves all appends of a failed call to the function that waits step by step: because of ids that
 * others are recording, a table that is locked, or a lock table that is full.
 */
export const orLeft = <E>(
  appends: ReadonlyArray<EncodedAppend>,
  call: Effect.Effect<Written, E>
): Effect.Effect<Written, E> =>
  Effect.catchIf(call, isLeft, () => Effect.succeed(appends.map(() => undefined)))

/** Returns true if a call failed so that its appends are left to `append`. */
export const isLeft = (error: unknown): boolean =>
  isIdTaken(error) || isLockTimeout(error) || isOutOfLocks(error)

/**
 * Returns the number of positions that are left free before an append, given the streams of the
 * earlier appends in its call.
 */
export const placesBefore = (before: Set<StreamId>, streamId: StreamId): 0 | 1 => {
  if (before.has(streamId)) return 1
  before.add(streamId)
  return 0
}

/**
 * Returns true if ids are recorded already, or are being recorded by a call that forms a ring with
 * this one.
 */
export const isIdTaken = (error: unknown): boolean => {
  const reason = sqlErrorIn(error)?.reason
  return (
    reason?._tag === "DeadlockError" ||
    (reason?._tag === "UniqueViolation" && reason.constraint === "events_event_id_key")
  )
}

const areExact = (appends: ReadonlyArray<EncodedAppend>): boolean =>
  appends.every(({ events }) => events.every(({ occurredAt }) => Instants.isExact(occurredAt)))

/** The last of the {@link parameters}: text where the binary form would be another instant. */
export const occurredAts = (appends: ReadonlyArray<EncodedAppend>): string =>
  areExact(appends) ? "$9" : "$9::text[]::timestamptz[]"

/**
 * The expected revisions. One that no stream can meet stands where another event than the last
 * known one is recorded.
 *
 * That event changes only by a restore of the log, so it may be read before the stream is locked.
 */
export const expectations = (
  schema: SchemaName,
  appends: ReadonlyArray<EncodedAppend>,
  [ids, times]: readonly [string, string]
): string =>
  isUnproved(appends)
    ? `(SELECT pg_catalog.array_agg(CASE WHEN l.id IS NULL OR EXISTS (
        SELECT FROM "${schema}".events e
        WHERE e.stream_id = l.stream_id AND e.revision = l.expected AND e.event_id = l.id
          AND e.recorded_at = l.recorded_at
      ) THEN l.expected ELSE ${NEVER_MET} END ORDER BY l.place)
      FROM unnest($1, $2, ${ids}, ${times}) WITH ORDINALITY
        AS l(stream_id, expected, id, recorded_at, place))`
    : "$2"

/**
 * The ids and times of the events that {@link expectations} compares, as parameters; empty where it
 * compares none.
 */
export const lastEvents = (appends: ReadonlyArray<EncodedAppend>): ReadonlyArray<unknown> => {
  if (!isUnproved(appends)) return []
  const column = (elementOid: number, of: (mark: EventMark.EventMark) => string | number) =>
    // Each of these element types has an array type.
    Result.getOrThrow(
      PgTypes.array(
        appends.map(({ lastEvent }) => (lastEvent === undefined ? null : of(lastEvent))),
        elementOid
      )
    )
  const { OID } = PgTypes
  return [column(OID.uuid, EventMark.eventId), column(OID.timestamptz, EventMark.recordedAt)]
}

const isUnproved = (appends: ReadonlyArray<EncodedAppend>): boolean =>
  appends.some(({ lastEvent }) => lastEvent !== undefined)

/** An expectation that no stream meets: the functions of the database know no such number. */
export const NEVER_MET = -3

/** Returns the appends as arrays, the form of the parameters of the database's functions. */
export const parameters = (appends: ReadonlyArray<EncodedAppend>): ReadonlyArray<unknown> => {
  const { OID } = PgTypes
  const events = appends.flatMap((append) => append.events)
  const column = <A>(rows: ReadonlyArray<A>, elementOid: number, of: (row: A) => unknown) =>
    // Each of these element types has an array type.
    Result.getOrThrow(PgTypes.array(rows.map(of), elementOid))
  return [
    column(appends, OID.text, ({ streamId }) => streamId),
    column(appends, OID.int8, ({ expected }) => expectedNumber(expected)),
    column(appends, OID.int4, (append) => append.events.length),
    column(events, OID.uuid, ({ id }) => id),
    column(events, OID.text, ({ type }) => type),
    column(events, OID.int2, ({ schemaVersion }) => schemaVersion),
    column(events, OID.text, ({ data }) => data),
    column(events, OID.text, ({ metadata }) => metadata),
    areExact(appends)
      ? column(events, OID.timestamptz, ({ occurredAt }) => occurredAt)
      : column(events, OID.text, ({ occurredAt }) => Instants.toText(occurredAt))
  ]
}

export const expectedNumber = (expected: ExpectedRevision): bigint =>
  ExpectedRevision.match(expected, {
    Any: () => -2n,
    Exists: () => -1n,
    NoStream: () => 0n,
    Exactly: ({ revision }) => BigInt(revision)
  })
