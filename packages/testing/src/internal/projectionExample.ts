/**
 * Runs an example of a read model: folds recorded events to rows, and compares the rows.
 */
import type { EventId } from "@daybook/kernel/EventId"
import type { EventMetadata } from "@daybook/kernel/EventMetadata"
import { NewEvent } from "@daybook/kernel/NewEvent"
import type { Projection } from "@daybook/kernel/Projection"
import * as StreamId from "@daybook/kernel/StreamId"
import * as OnDemandProjection from "@daybook/projections/OnDemandProjection"
import { ReadModelStore } from "@daybook/projections/ReadModelStore"
import * as ReadModelStoreMemory from "@daybook/projections/ReadModelStoreMemory"
import type { ReadModelTable } from "@daybook/projections/driver/ReadModelTable"
import { EventStore } from "@daybook/store/EventStore"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { diff, same } from "./differences.ts"
import { render } from "./render.ts"

/** An event to record at an instant. */
export interface Recording {
  readonly streamId: StreamId.StreamId
  readonly event: NewEvent
  readonly recordedAtMillis: number
}

/** Returns the reason that the events prove nothing about a projection; `undefined` if they do. */
export const issueOf = <Event, Key, Row>(
  { from, name }: Projection<Event, Key, Row>,
  recordings: ReadonlyArray<Recording>
): string | undefined => {
  const read = new Set(from.map(({ category }) => category))
  const categories = recordings.map(({ streamId }) => StreamId.category(streamId))
  const unread = categories.find((category) => !read.has(category))
  if (unread !== undefined) return `${unread} is not read by ${name}`
  // The log would take the second event for a repetition of the first.
  const ids = new Set(recordings.map(({ event }) => event.id))
  return ids.size < recordings.length ? "two have one id" : undefined
}

/** Decodes the events that a projection gets for a recorded one; none if it would get none. */
export const decode = <Event, Key, Row>(
  { from }: Projection<Event, Key, Row>,
  { event, streamId }: Recording
): ReadonlyArray<Event> => {
  const source = from.find(({ category }) => category === StreamId.category(streamId))
  if (source === undefined || !isNewEvent(event)) return []
  return Result.getOrElse(source.codec.decode(event), () => [])
}

const isNewEvent = Schema.is(NewEvent)

/**
 * The rows that events fold to when they are read in pages of a size; the failure is the thrown
 * value.
 */
export interface Folded<Row> {
  readonly pages: string
  readonly rows: Result.Result<ReadonlyArray<Row>, unknown>
}

/**
 * A row between two events of one page stays in memory. Each page ends with the stored form of its
 * rows.
 */
const PAGES = [
  { pages: "read one by one", size: 1 },
  { pages: "read in one page", size: 1_000_000 }
]

export const fold = <Event, Key extends object, Row extends object>(
  projection: Projection<Event, Key, Row>,
  recordings: ReadonlyArray<Recording>
): ReadonlyArray<Folded<Row>> =>
  PAGES.map(({ pages, size }) => {
    const exit = Effect.runSyncExit(rowsOf(projection, recordings, size))
    return {
      pages,
      rows: Exit.isSuccess(exit)
        ? Result.succeed(exit.value)
        : Result.fail(Cause.squash(exit.cause))
    }
  })

const rowsOf = Effect.fnUntraced(function* <Event, Key extends object, Row extends object>(
  projection: Projection<Event, Key, Row>,
  recordings: ReadonlyArray<Recording>,
  size: number
) {
  const store = yield* EventStoreMemory.make
  const rows = yield* ReadModelStoreMemory.make
  for (const { event, recordedAtMillis, streamId } of recordings) {
    yield* store
      .append({ streamId, expected: ExpectedRevision.any, events: [event] })
      .pipe(Effect.provideService(Clock.Clock, standing(recordedAtMillis)))
  }
  return yield* OnDemandProjection.tableAt(projection).pipe(
    Effect.provideService(ReadModelStore, rows),
    Effect.provideService(
      EventStore,
      EventStore.of({
        ...store,
        readAll: (options) => Stream.rechunk(store.readAll(options), size)
      })
    )
  )
})

/** Builds a clock that stands still. */
const standing = (millis: number): Clock.Clock => {
  const nanos = BigInt(millis) * 1_000_000n
  return {
    currentTimeMillisUnsafe: () => millis,
    currentTimeMillis: Effect.succeed(millis),
    currentTimeNanosUnsafe: () => nanos,
    currentTimeNanos: Effect.succeed(nanos),
    monotonicTimeNanosUnsafe: () => nanos,
    monotonicTimeNanos: Effect.succeed(nanos),
    sleep: () => Effect.never
  }
}

/** The expected rows and the keys without a row, by the texts of their keys. */
export interface Expected {
  readonly rows: ReadonlyMap<string, unknown>
  readonly absent: ReadonlyMap<string, unknown>
}

export const expect = <Key extends object, Row extends object>(
  table: ReadModelTable<Key, Row>,
  rows: ReadonlyArray<Row>,
  absent: ReadonlyArray<Key>
): Result.Result<Expected, string> =>
  Result.gen(function* () {
    const expected = { rows: new Map<string, unknown>(), absent: new Map<string, unknown>() }
    for (const row of rows) {
      const stored = yield* table.encode(row)
      const text = table.keyText(stored)
      if (expected.rows.has(text)) return yield* Result.fail(`${text} has two rows`)
      const back = yield* table.decode(stored)
      // Otherwise a value that both sides lose would go unnoticed.
      if (!Equal.equals(back, row)) {
        return yield* Result.fail(`${text} comes back as ${render(back, 8)}`)
      }
      // Takes the decoded row: with the zero that is stored, and with dates of the decoded class.
      expected.rows.set(text, back)
    }
    for (const key of absent) {
      const text = table.keyText(yield* table.encodeKey(key))
      if (expected.rows.has(text)) return yield* Result.fail(`${text} has a row and none`)
      expected.absent.set(text, { ...key, _tag: "no row" })
    }
    return expected
  })

/**
 * Lists the differences between actual and expected rows in lines; `undefined` if there are none.
 */
export const difference = <Key extends object, Row extends object>(
  table: ReadModelTable<Key, Row>,
  { absent, rows }: Expected,
  actual: ReadonlyArray<Row>
): string | undefined => {
  // The encoding can't fail: these rows have been stored.
  const found = new Map<string, unknown>(
    actual.map((row) => [table.keyText(Result.getOrThrow(table.encode(row))), row])
  )
  const left = inOrder(new Map([...rows, ...absent]))
  const right = inOrder(new Map([...absent, ...found]))
  return same(left, right) ? undefined : diff(left, right)
}

const inOrder = (byKey: ReadonlyMap<string, unknown>): ReadonlyArray<unknown> =>
  Array.from(byKey)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([, row]) => row)

/**
 * Formats given events in lines: each with its stream if there are several streams, and with its
 * given circumstances.
 */
export const linesOf = (
  given: ReadonlyArray<{
    readonly streamId: StreamId.StreamId
    readonly shown: unknown
    readonly occurredAt?: DateTime.Utc
    readonly id?: EventId
    readonly metadata?: EventMetadata
  }>
): string => {
  if (given.length === 0) return "nothing"
  const several = new Set(given.map(({ streamId }) => streamId)).size > 1
  return given
    .map(({ id, metadata, occurredAt, shown, streamId }) => {
      const circumstances = [
        ...(occurredAt === undefined ? [] : [`at ${DateTime.formatIso(occurredAt)}`]),
        ...(id === undefined ? [] : [`id ${id}`]),
        ...(metadata === undefined ? [] : [`metadata ${render(metadata, 8)}`])
      ]
      const event = `${several ? `${streamId}: ` : ""}${render(shown, 8)}`
      return [event, circumstances.join(", ")].join(" ").trimEnd()
    })
    .join("\n")
}
