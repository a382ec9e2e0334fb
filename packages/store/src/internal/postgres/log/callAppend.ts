/**
 * Appends that wait for their streams and are explained: calls the function `append` in PostgreSQL
 * and reads its answers.
 */
import type { Position } from "@daybook/kernel/Position"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import type { Revision } from "@daybook/kernel/Revision"
import * as PgTypes from "../../../sql/PgTypes.ts"
import * as Arr from "effect/Array"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import {
  type Appended,
  AppendRefused,
  EventIdConflict,
  MAX_BETWEEN,
  MAX_REVISION,
  WrongExpectedRevision
} from "../../../EventStore.ts"
import type { Unmet } from "../../../ExpectedRevision.ts"
import { Patience } from "../../../PostgresLocks.ts"
import type { SchemaName } from "../../../PostgresSchema.ts"
import { asynchronousCommitColumn } from "./durability.ts"
import type { EncodedAppend } from "../../../driver/EventStoreDriver.ts"
import { holdersOfStreams } from "../locks/holders.ts"
import { patiently } from "../locks/waitForLock.ts"
import * as Turns from "../locks/turns.ts"
import { COLUMNS, eventAddress, type EventRow, isPassedOver, recordedEvent } from "./row.ts"
import { readCommittedOrSavepoint } from "../sql/readCommitted.ts"
import { LOCK_MILLIS } from "../schema/functions/append.ts"
import { inTransaction } from "../../../sql/Transaction.ts"
import {
  expectations,
  isIdTaken,
  lastEvents,
  occurredAts,
  parameters,
  tryAppend
} from "./callTryAppend.ts"

/** The reason why an append was not written, which its caller can handle. */
export type Refusal = WrongExpectedRevision | EventIdConflict | AppendRefused

/** Skips the checks: an error about stored data must be constructible with any stored names. */
const AS_STORED = { disableChecks: true } as const

/** The answer of the function about one append. */
interface Answer {
  readonly append: EncodedAppend
  readonly outcome: "new" | "repeated" | "conflict" | "id_conflict" | "full"
  /** The append's place in its call, counted from 0. */
  readonly place: number
  readonly revision: number
  readonly position: bigint | null
  readonly recordedAt: Date | null
  /** The events that prove a conflict. */
  readonly rows: Array<EventRow>
}

interface AnswerRow extends EventRow {
  readonly append_index: number
  /** Null in the rows that hold an event. */
  readonly outcome: Answer["outcome"] | null
  readonly last_revision: number
  readonly last_position: bigint | null
}

/** Writes each append on its own and returns an answer for each. */
export const appendEach = (
  sql: SqlClient,
  schema: SchemaName,
  appends: Arr.NonEmptyReadonlyArray<EncodedAppend>
): Effect.Effect<Arr.NonEmptyReadonlyArray<Result.Result<Appended, Refusal>>, SqlError> =>
  Effect.flatMap(call(sql, schema, appends, false), (some) => {
    const answers = Arr.map(some, toResult)
    // A call whose conflicts need many bytes leaves the other appends to the next call.
    const left = appends.slice(answers.length)
    return Arr.isReadonlyArrayNonEmpty(left)
      ? Effect.map(appendEach(sql, schema, left), (others) => Arr.appendAll(answers, others))
      : Effect.succeed(answers)
  })

/** Writes one append at once if possible, or waits: for an append in the caller's transaction. */
export const appendOne = (
  sql: SqlClient,
  schema: SchemaName,
  append: EncodedAppend
): Effect.Effect<Result.Result<Appended, Refusal>, SqlError> =>
  Effect.flatMap(tryAppend(sql, schema, [append]), ([appended]) =>
    appended === undefined
      ? Effect.map(appendEach(sql, schema, [append]), ([answer]) => answer)
      : Effect.succeed(Result.succeed(appended))
  )

/** Writes all appends or none. Checks are appends without events and have no answer. */
export const appendAll = (
  sql: SqlClient,
  schema: SchemaName,
  appends: Arr.NonEmptyReadonlyArray<EncodedAppend>
): Effect.Effect<Arr.NonEmptyReadonlyArray<Appended>, SqlError | Refusal> =>
  Effect.flatMap(tryAppend(sql, schema, appends, true), (written) => {
    const answers = written.filter((_, index) => appends[index]?.events.length !== 0)
    return answers.every((one) => one !== undefined)
      ? // The first is an append, so this is not empty.
        Effect.succeed(answers as [Appended, ...Array<Appended>])
      : waitAndAppendAll(sql, schema, appends)
  })

/** Waits for the streams, and writes all appends or none. */
export const waitAndAppendAll = (
  sql: SqlClient,
  schema: SchemaName,
  appends: Arr.NonEmptyReadonlyArray<EncodedAppend>
): Effect.Effect<Arr.NonEmptyReadonlyArray<Appended>, SqlError | Refusal> =>
  Effect.flatMap(call(sql, schema, appends, true), (answers) =>
    Effect.fromResult(toAllOrNone(answers))
  )

const call = (
  sql: SqlClient,
  schema: SchemaName,
  appends: Arr.NonEmptyReadonlyArray<EncodedAppend>,
  allOrNone: boolean
) =>
  Effect.map(
    // Appends of one event id to two streams at once: the unique index lets the first one through
    // and fails the call of the second, which then finds the id recorded. Several appends of one
    // call can form a ring with others' ids; PostgreSQL ends one of the two calls, which then finds
    // them too.
    Effect.flatMap(Effect.all([Patience, inTransaction(sql)]), ([waits, isInside]) =>
      // The call has waited for its stream in the database and continues to wait here.
      patiently(
        Effect.flatMap(asynchronousCommitColumn, (further) =>
          readCommittedOrSavepoint(sql, statement(sql, schema, appends, allOrNone, further))
        ),
        {
          sql,
          patience: waits.appends,
          tryMillis: LOCK_MILLIS,
          pauseMillis: LOCK_PAUSE_MILLIS,
          what: named(streamIds(appends)),
          holders: holdersOfStreams(sql, schema, streamIds(appends)),
          // A transaction of the caller has its connection already, which others may wait for.
          ...(isInside ? {} : { turn: turnOf(sql) })
        }
      ).pipe(Effect.retry({ times: 3, while: isIdTaken }))
    ),
    (rows) => readAnswers(appends, rows)
  )

/** No pause: the wait in the server is one. */
const LOCK_PAUSE_MILLIS = 0

/**
 * The most connections of a host that wait again for streams that others hold. Each of many held
 * streams would otherwise take a connection for 50 ms at a time, and leave hardly one to the
 * appends of other streams.
 */
const WAITING_AGAIN = 2

const turnOf = Turns.make(WAITING_AGAIN)

/** The most streams that an error names. */
const MAX_NAMED = 8

const named = (streams: ReadonlyArray<string>): string =>
  streams.length === 1
    ? `Stream ${streams[0]}`
    : `One of ${streams.length} streams, ${streams.slice(0, MAX_NAMED).join(", ")}${streams.length > MAX_NAMED ? " and more" : ""},`

const streamIds = (appends: ReadonlyArray<EncodedAppend>): ReadonlyArray<string> => [
  ...new Set<string>(appends.map(({ streamId }) => streamId))
]

// The text is concatenated by hand since all of it is constant for a log: building a statement of
// this size takes longer than binding it.
const statement = (
  sql: SqlClient,
  schema: SchemaName,
  appends: ReadonlyArray<EncodedAppend>,
  allOrNone: boolean,
  further: string
) =>
  sql.unsafe<AnswerRow>(
    `SELECT append_index, outcome, last_revision, last_position, ${COLUMNS},
      ${isPassedOver(schema)} AS is_passed_over${further}
    FROM "${schema}".append($1, ${expectations(schema, appends, ["$12", "$13"])}, $3, $4, $5, $6, $7, $8,
      ${occurredAts(appends)}, $10, $11)`,
    [...parameters(appends), allOrNone, PgTypes.int4(MAX_BETWEEN), ...lastEvents(appends)]
  )

const readAnswers = (
  appends: Arr.NonEmptyReadonlyArray<EncodedAppend>,
  rows: ReadonlyArray<AnswerRow>
): Arr.NonEmptyReadonlyArray<Answer> => {
  const answers: Array<Answer> = []
  for (const row of rows) {
    if (row.outcome === null) {
      answers.at(-1)?.rows.push(row)
    } else {
      answers.push({
        append: Arr.getUnsafe(appends, answers.length),
        outcome: row.outcome,
        place: answers.length,
        revision: row.last_revision,
        position: row.last_position,
        recordedAt: row.recorded_at,
        rows: []
      })
    }
  }
  // The function always answers the first append, and all appends of an all-or-none call.
  return answers as [Answer, ...Array<Answer>]
}

const toResult = (answer: Answer): Result.Result<Appended, Refusal> => {
  switch (answer.outcome) {
    case "new":
    case "repeated":
      return Result.succeed(appended(answer))
    case "conflict":
      return Result.fail(wrongRevision([{ ...answer, place: 0 }]))
    case "id_conflict":
      return Result.fail(idConflict([answer]))
    case "full":
      return Result.fail(full(answer))
  }
}

const toAllOrNone = (
  answers: Arr.NonEmptyReadonlyArray<Answer>
): Result.Result<Arr.NonEmptyReadonlyArray<Appended>, Refusal> => {
  // The first is an append, so this is not empty.
  const writes = answers.filter((answer) => answer.append.events.length > 0) as [
    Answer,
    ...Array<Answer>
  ]
  if (writes.every((answer) => answer.outcome === "repeated")) {
    return Result.succeed(Arr.map(writes, appended))
  }
  const recorded = writes.filter(
    ({ outcome }) => outcome === "id_conflict" || outcome === "repeated"
  )
  if (Arr.isReadonlyArrayNonEmpty(recorded)) return Result.fail(idConflict(recorded))
  const conflicts = answers.filter(({ outcome }) => outcome === "conflict")
  if (Arr.isReadonlyArrayNonEmpty(conflicts)) return Result.fail(wrongRevision(conflicts))
  const end = answers.find(({ outcome }) => outcome === "full")
  if (end !== undefined) return Result.fail(full(end))
  return Result.succeed(Arr.map(writes, appended))
}

/** The numbers are the database's own, so the casts add only the brands. */
const appended = (answer: Answer): Appended => ({
  revision: answer.revision as Revision,
  position: answer.position as Position,
  // The function returns the time of each append that is recorded.
  recordedAt: DateTime.makeUnsafe(answer.recordedAt as Date),
  repeated: answer.outcome === "repeated"
})

const wrongRevision = ([first, ...others]: Arr.NonEmptyReadonlyArray<Answer>) =>
  new WrongExpectedRevision(
    {
      ...unmet(first),
      between: readable(first.rows),
      others: others.map(unmet)
    },
    AS_STORED
  )

/**
 * The events of the rows before the first row that is not an event; reading on reports that row.
 */
const readable = (rows: ReadonlyArray<EventRow>): ReadonlyArray<RecordedEvent> => {
  const events: Array<RecordedEvent> = []
  for (const row of rows) {
    const event = recordedEvent(row)
    if (Result.isFailure(event)) break
    events.push(event.success)
  }
  return events
}

const unmet = ({ append, place, revision }: Answer): Unmet => ({
  place,
  streamId: append.streamId,
  expected: append.expected,
  actual: revision as Revision
})

const idConflict = (answers: Arr.NonEmptyReadonlyArray<Answer>) =>
  new EventIdConflict(
    {
      streamId: answers[0].append.streamId,
      recorded: answers.flatMap(({ rows }) => rows.map(eventAddress))
    },
    AS_STORED
  )

const full = ({ append, revision }: Answer) =>
  new AppendRefused({
    streamId: append.streamId,
    reason: {
      _tag: "StreamFull",
      actual: revision,
      count: append.events.length,
      limit: MAX_REVISION
    }
  })
