/**
 * Imports the table of a system that stored its events in rows of JSON: each row becomes an event
 * of schema version 1 with unchanged data, in the order of the table.
 *
 * **Details**
 * The table is read twice: the survey finds the rows that can't be imported before anything is
 * written, the import appends. An order with a row that its codec can't read, or that a store would
 * refuse, is left out whole, since a history with a hole is another history; events of it from
 * earlier imports stay. Event ids derive from the rows, so running the import again completes one
 * that died or whose table has grown. Memory grows with the orders, never with the rows.
 *
 * @since 0.1.0
 */
import * as Aggregate from "@daybook/kernel/Aggregate"
import { problemOf } from "@daybook/kernel/EventCodec"
import * as EventId from "@daybook/kernel/EventId"
import { NewEvent } from "@daybook/kernel/NewEvent"
import * as Revision from "@daybook/kernel/Revision"
import type { StreamId } from "@daybook/kernel/StreamId"
import * as AppendRules from "@daybook/store/driver/AppendRules"
import { type Append, EventStore } from "@daybook/store/EventStore"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import * as Arr from "effect/Array"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { v5 as uuidV5 } from "uuid"
import type { LegacyRow } from "./LegacyTable.ts"
import * as Listed from "./Listed.ts"

/** A remark on a row. */
interface Remark {
  readonly id: bigint
  readonly order: string
  readonly reason: string
}

/**
 * The content of a table.
 *
 * @category types
 * @since 0.1.0
 */
export interface Survey {
  readonly rows: number
  /** The ids of the orders, in the order of their first rows. */
  readonly orders: ReadonlySet<string>
  /** The orders with a row that can't be imported, with the reason. */
  readonly leftOut: ReadonlyMap<string, Remark>
  /** Rows whose version does not follow the version before, or whose data contradicts a column. */
  readonly remarks: Listed.Listed<Remark>
}

/**
 * The result of an import.
 *
 * @category types
 * @since 0.1.0
 */
export interface Imported {
  /** The number of rows that this run added. */
  readonly recorded: number
  /** The number of rows that the log had already. */
  readonly known: number
  /** The orders that the survey left out, and orders that differ between log and table. */
  readonly leftOut: ReadonlyMap<string, Remark>
}

/**
 * Reads the table once, to its end, without touching the log.
 *
 * @category operations
 * @since 0.1.0
 */
export const survey = <Command, State, Event, Rejection, E, R>(
  aggregate: Aggregate.Aggregate<Command, State, Event, Rejection>,
  rows: Stream.Stream<LegacyRow, E, R>
): Effect.Effect<Survey, E, R> =>
  Effect.suspend(() => {
    const versions = new Map<string, number>()
    const leftOut = new Map<string, Remark>()
    const remarks = Listed.make<Remark>()
    let count = 0
    const look = (row: LegacyRow) => {
      const { aggregateId: order, id, version } = row
      const last = versions.get(order)
      versions.set(order, version)
      if (last !== undefined && version !== last + 1) {
        remarks.add({ id, order, reason: `version ${version} follows version ${last}` })
      }
      for (const [name, column] of [
        ["aggregate_id", order] as const,
        ["event_type", row.type] as const
      ]) {
        const repeated = Predicate.hasProperty(row.data, name) ? row.data[name] : column
        if (repeated !== column) {
          remarks.add({ id, order, reason: `its data says ${name} ${JSON.stringify(repeated)}` })
        }
      }
      if (leftOut.has(order)) return
      const planned = plan(aggregate, row)
      if (Result.isFailure(planned)) leftOut.set(order, { id, order, reason: planned.failure })
    }
    return Effect.map(
      Stream.runForEachArray(rows, (batch) =>
        Effect.sync(() => {
          count += batch.length
          batch.forEach(look)
        })
      ),
      () => ({
        rows: count,
        orders: new Set(versions.keys()),
        leftOut,
        remarks: remarks.listed()
      })
    )
  })

/** A row as the event to append. */
interface Planned {
  readonly row: LegacyRow
  readonly streamId: StreamId
  readonly event: NewEvent
}

const checkEvent = Schema.decodeUnknownResult(Schema.toType(NewEvent))

/**
 * Turns a row into an event that the aggregate's codec can read, or returns the reason it can't.
 */
const plan = <Command, State, Event, Rejection>(
  aggregate: Aggregate.Aggregate<Command, State, Event, Rejection>,
  row: LegacyRow
): Result.Result<Planned, string> => {
  const streamId = Aggregate.streamId(aggregate, row.aggregateId)
  if (Result.isFailure(streamId)) return Result.fail(streamId.failure.message)
  const { createdAt, data, id, type, version } = row
  const occurredAt = Option.getOrUndefined(DateTime.make(createdAt))
  if (occurredAt === undefined)
    return Result.fail(`created_at is ${createdAt}, which is not a time`)
  const event = checkEvent({
    id: eventIdOf(row),
    type,
    schemaVersion: 1,
    data,
    // Event times are stored to the millisecond, and the table's times are finer.
    metadata: { custom: { legacyId: id.toString(), legacyVersion: version, createdAt } },
    occurredAt: DateTime.toUtc(occurredAt)
  })
  if (Result.isFailure(event)) return Result.fail(event.failure.message)
  const decoded = aggregate.codec.decode(event.success)
  if (Result.isFailure(decoded)) return Result.fail(`${type}: ${problemOf(decoded.failure)}`)
  const planned = { row, streamId: streamId.success, event: event.success }
  return Result.match(AppendRules.check(appendOf([planned], 0)), {
    onFailure: ({ message }) => Result.fail(message),
    onSuccess: () => Result.succeed(planned)
  })
}

/** The number of rows looked up in the log at once, and the most in an append. */
const ROWS_AT_ONCE = 500

/**
 * The most characters of JSON in an append, 3 bytes each at most: well below `MAX_APPEND_BYTES`.
 */
const MAX_CHARACTERS = 4_000_000

/**
 * Appends the rows of a surveyed table; calls `onProgress` with the number of rows done.
 *
 * **Details**
 * Errors: the store's. Events appended before the error stay: run it again.
 *
 * @category operations
 * @since 0.1.0
 */
export const run = Effect.fn("LegacyImport.run")(function* <Command, State, Event, Rejection, E, R>(
  aggregate: Aggregate.Aggregate<Command, State, Event, Rejection>,
  surveyed: Survey,
  rows: Stream.Stream<LegacyRow, E, R>,
  onProgress: (rows: number) => Effect.Effect<void> = () => Effect.void
) {
  const store = yield* EventStore
  const leftOut = new Map(surveyed.leftOut)
  /** The revision of each order after the rows so far. */
  const revisions = new Map<string, number>()
  let recorded = 0
  let alreadyThere = 0
  let done = 0

  const leaveOut = ({ aggregateId: order, id }: LegacyRow, reason: string) =>
    leftOut.set(order, { id, order, reason })

  const revisionOf = ({ aggregateId }: LegacyRow) => revisions.get(aggregateId) ?? 0

  const advance = ({ row }: Planned) => revisions.set(row.aggregateId, revisionOf(row) + 1)

  const stays = ({ row }: Planned) => !leftOut.has(row.aggregateId)

  /**
   * Returns the rows that the log lacks; leaves out orders whose recorded rows are in a wrong
   * place.
   */
  const unrecorded = Effect.fnUntraced(function* (rows: ReadonlyArray<Planned>) {
    const found = yield* store.find(rows.map(({ event }) => event.id))
    const addresses = new Map(found.map((address) => [address.eventId, address.revision]))
    const places = new Map<string, number>()
    const known: Array<Planned> = []
    const fresh: Array<Planned> = []
    for (const planned of rows) {
      const { event, row } = planned
      const place = (places.get(row.aggregateId) ?? revisionOf(row)) + 1
      places.set(row.aggregateId, place)
      const revision = addresses.get(event.id)
      if (revision === undefined) fresh.push(planned)
      else if (revision === place) known.push(planned)
      else leaveOut(row, `the log holds this row at revision ${revision}, not ${place}`)
    }
    known.filter(stays).forEach(advance)
    alreadyThere += known.filter(stays).length
    return fresh
  })

  const append = Effect.fnUntraced(function* (batch: ReadonlyArray<Planned>) {
    let rows = batch
    while (true) {
      rows = rows.filter(stays)
      const appends = appendsOf(rows, revisionOf)
      if (!Arr.isReadonlyArrayNonEmpty(appends)) return
      const appended = yield* Effect.result(store.appendAll({ appends }))
      if (Result.isSuccess(appended)) {
        rows.forEach(advance)
        if (appended.success.every(({ repeated }) => repeated)) alreadyThere += rows.length
        else recorded += rows.length
        return
      }
      const error = appended.failure
      if (error._tag !== "WrongExpectedRevision" && error._tag !== "EventIdConflict") {
        return yield* error
      }
      // A concurrent import of the same table may have appended these rows first.
      const tried = rows.length
      rows = yield* unrecorded(rows)
      if (rows.length < tried) continue
      const lost = rows.find(({ streamId }) => streamId === error.streamId)
      if (lost === undefined || error._tag === "EventIdConflict") return yield* error
      const expected = revisionOf(lost.row)
      leaveOut(lost.row, `the log is at revision ${error.actual} of it, the table at ${expected}`)
    }
  })

  yield* rows.pipe(
    Stream.grouped(ROWS_AT_ONCE),
    Stream.runForEach((page) =>
      Effect.gen(function* () {
        const planned = page.flatMap((row): ReadonlyArray<Planned> => {
          if (leftOut.has(row.aggregateId)) return []
          const result = plan(aggregate, row)
          if (Result.isSuccess(result)) return [result.success]
          // A row that the survey did not see: the table has grown.
          leaveOut(row, result.failure)
          return []
        })
        const batches = inOrder(yield* unrecorded(planned))
        yield* Effect.forEach(batches, append, { discard: true })
        done += page.length
        yield* onProgress(done)
      })
    )
  )
  const imported: Imported = { recorded, known: alreadyThere, leftOut }
  return imported
})

/**
 * Cuts rows into appends that preserve their order in the log. The rows of one order stand together
 * in an append, so an append ends before a row that returns to an order other than its last one.
 */
const inOrder = (rows: ReadonlyArray<Planned>): ReadonlyArray<ReadonlyArray<Planned>> => {
  const batches: Array<Array<Planned>> = []
  const streams = new Set<StreamId>()
  let last: StreamId | undefined
  let characters = 0
  for (const planned of rows) {
    const { event, streamId } = planned
    const size = JSON.stringify(event.data).length
    const batch = batches.at(-1)
    const returns = streamId !== last && streams.has(streamId)
    if (batch === undefined || returns || characters + size > MAX_CHARACTERS) {
      batches.push([planned])
      streams.clear()
      characters = 0
    } else batch.push(planned)
    streams.add(streamId)
    characters += size
    last = streamId
  }
  return batches
}

const appendsOf = (
  rows: ReadonlyArray<Planned>,
  revisionOf: (row: LegacyRow) => number
): ReadonlyArray<Append> =>
  Object.values(Arr.groupBy(rows, ({ streamId }) => streamId)).map((ofOrder) =>
    appendOf(ofOrder, revisionOf(ofOrder[0].row))
  )

const appendOf = (rows: Arr.NonEmptyReadonlyArray<Planned>, revision: number): Append => ({
  streamId: rows[0].streamId,
  expected: ExpectedRevision.exactly(Revision.make(revision)),
  events: Arr.map(rows, ({ event }) => event)
})

const NAMESPACE = "1f7f8a52-7a0b-5c3e-9f53-0d8a3b6f7c11"

/** Returns the event id of a row. All tables number rows alike, so the order is part of the id. */
const eventIdOf = ({ aggregateId, id }: LegacyRow): EventId.EventId =>
  EventId.make(uuidV5(`${aggregateId} ${id}`, NAMESPACE))
