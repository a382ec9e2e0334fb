/**
 * Read models folded on demand: as of now, or as of any position, revision or instant.
 *
 * A definition and a log are enough: nothing is stored or maintained.
 *
 * @since 0.1.0
 */
import type { EventMark } from "@daybook/kernel/EventMark"
import { printableLine } from "@daybook/kernel/Printable"
import type * as Projection from "@daybook/kernel/Projection"
import * as Position from "@daybook/kernel/Position"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import type * as Revision from "@daybook/kernel/Revision"
import type * as StreamId from "@daybook/kernel/StreamId"
import {
  EventStore,
  type EventStoreError,
  type ReadError,
  type Until
} from "@daybook/store/EventStore"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { Poison } from "./driver/ReadModelGeneration.ts"
import { type Batch, byRecorded, fold, type Model, part, prepare } from "./internal/fold/rowFold.ts"
import { ProjectionStopped } from "./ProjectionStatus.ts"
import type { ReadModelStoreError } from "./ReadModelError.ts"
import { ReadModelStore } from "./ReadModelStore.ts"
import * as ReadModelTable from "./driver/ReadModelTable.ts"
import type { StoredRow } from "./driver/StoredRow.ts"

/**
 * The point of the log as of which to fold: an instant or a position.
 *
 * **Details**
 * An instant cuts every stream at its first event that is later, see `Until`.
 *
 * @category types
 * @since 0.1.0
 */
export type At =
  | Until
  | {
      /** Folds all events up to this position. */
      readonly position: Position.Position
      readonly occurredAt?: never
      readonly recordedAt?: never
    }

/**
 * The point as of which to fold a row. For a row whose events are in one stream, also a revision of
 * that stream.
 *
 * @category types
 * @since 0.1.0
 */
export type RowAt =
  | At
  | {
      readonly revision: Revision.Revision
      readonly occurredAt?: never
      readonly recordedAt?: never
    }

/**
 * The row has no revision: its events are not in exactly one stream, or the projection does not
 * name its streams.
 *
 * @category errors
 * @since 0.1.0
 */
export class NoSingleStream extends Schema.TaggedError<NoSingleStream>()("NoSingleStream", {
  name: Schema.String,
  key: Schema.String,
  /** The number of streams of the row; absent if the projection does not name them. */
  streams: Schema.optionalKey(Schema.Int)
}) {
  override get message() {
    const streams = this.streams === undefined ? "an unknown number of" : this.streams
    return printableLine(
      `The row ${this.key} of ${this.name} has ${streams} streams: it has no revision`
    )
  }
}

/**
 * The reasons why a row or a table can't be folded.
 *
 * @category errors
 * @since 0.1.0
 */
export type OnDemandError =
  | ReadModelTable.InvalidProjection
  | ProjectionStopped
  | EventStoreError
  | ReadModelStoreError

/**
 * Folds the row of a key as of now or `at`, if there is one.
 *
 * **Details**
 * Reads the row's stream if the projection names exactly one, else all events of its categories.
 * Events that were skipped by position are skipped here too.
 * Errors: `ProjectionStopped` at an event that can't be folded; `NoSingleStream` for a revision.
 *
 * @category operations
 * @since 0.1.0
 */
export const rowAt = Effect.fn("OnDemandProjection.rowAt")(function* <
  Event,
  Key extends object,
  Row extends object
>(
  projection: Projection.Projection<Event, Key, Row>,
  key: Key,
  at?: RowAt
): Effect.fn.Return<
  Option.Option<Row>,
  OnDemandError | NoSingleStream,
  EventStore | ReadModelStore
> {
  const { events, table, text } = yield* rowEvents(projection, key, at)
  const rows = yield* foldEvents({ projection, table }, events, (touched) => touched === text)
  const row = rows.get(text)
  return row === undefined ? Option.none() : Option.some(decodedRow(projection, table, row))
})

/**
 * Folds all rows as of now or `at`, in no particular order; they are in memory at once.
 *
 * **Details**
 * Errors: `ProjectionStopped` at an event that can't be folded.
 *
 * @category operations
 * @since 0.1.0
 */
export const tableAt = Effect.fn("OnDemandProjection.tableAt")(function* <
  Event,
  Key extends object,
  Row extends object
>(
  projection: Projection.Projection<Event, Key, Row>,
  at?: At
): Effect.fn.Return<ReadonlyArray<Row>, OnDemandError, EventStore | ReadModelStore> {
  const table = yield* Effect.fromResult(ReadModelTable.make(projection))
  const rows = yield* storedTableAt(projection, at)
  return Array.from(rows.values(), (row) => decodedRow(projection, table, row))
})

/**
 * Does the same as {@link tableAt}, and returns the rows in their stored form by the text of their
 * key: for code that selects among many rows, and decodes few or none of them.
 *
 * @category operations
 * @since 0.1.0
 */
export const storedTableAt = Effect.fn("OnDemandProjection.storedTableAt")(function* <
  Event,
  Key extends object,
  Row extends object
>(
  projection: Projection.Projection<Event, Key, Row>,
  at?: At
): Effect.fn.Return<ReadonlyMap<string, StoredRow>, OnDemandError, EventStore | ReadModelStore> {
  const table = yield* Effect.fromResult(ReadModelTable.make(projection))
  const events = yield* logUpTo(projection, at)
  return yield* foldEvents({ projection, table }, events, () => true)
})

/**
 * An event that touched a row, with the row before and after it.
 *
 * @category types
 * @since 0.1.0
 */
export interface RowStep<out Row> {
  readonly recorded: RecordedEvent
  readonly before: Option.Option<Row>
  readonly after: Option.Option<Row>
}

/**
 * Explains the row of a key: emits each event that touches it with the row before and after, folded
 * as {@link rowAt} folds it.
 *
 * **Details**
 * Errors: `ProjectionStopped` after the steps before an event that can't be folded;
 * `NoSingleStream` for a revision.
 *
 * @category operations
 * @since 0.1.0
 */
export const explainRow = <Event, Key extends object, Row extends object>(
  projection: Projection.Projection<Event, Key, Row>,
  key: Key,
  at?: RowAt
): Stream.Stream<RowStep<Row>, OnDemandError | NoSingleStream, EventStore | ReadModelStore> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const { events, table, text } = yield* rowEvents(projection, key, at)
      const model = { projection, table }
      const skipped = yield* skippedEvents(table)
      let stored: StoredRow | undefined
      let row = Option.none<Row>()
      const step = (batch: Batch<Event, Key>): Result.Result<RowStep<Row> | undefined, Poison> =>
        Result.map(
          fold(model, batch, stored === undefined ? new Map() : new Map([[text, stored]])),
          ({ upserts }) => {
            const recorded = batch.prepared[0]?.recorded
            stored = upserts[0]
            const before = row
            row =
              stored === undefined
                ? Option.none()
                : Option.some(decodedRow(projection, table, stored))
            return recorded === undefined ? undefined : { recorded, before, after: row }
          }
        )
      return Stream.flatMap(Stream.chunks(events), (chunk) => {
        const batch = prepare(model, chunk, skipped)
        const own = part(batch, {
          after: Position.start,
          before: undefined,
          owns: (touched) => touched === text
        })
        const steps: Array<RowStep<Row>> = []
        let { poison } = batch
        for (const one of byRecorded(own)) {
          const stepped = step(one)
          if (Result.isFailure(stepped)) {
            poison = stepped.failure
            break
          }
          if (stepped.success !== undefined) steps.push(stepped.success)
        }
        return poison === undefined
          ? Stream.fromIterable(steps)
          : Stream.concat(
              Stream.fromIterable(steps),
              Stream.fail(new ProjectionStopped({ name: projection.name, poison }))
            )
      })
    })
  ).pipe(
    Stream.withSpan("OnDemandProjection.explainRow", {
      attributes: { "daybook.projection": projection.name }
    })
  )

type Events = Stream.Stream<RecordedEvent, EventStoreError>

/** Finds the events among which those of a row are, and the text of its key. */
const rowEvents = Effect.fnUntraced(function* <Event, Key extends object, Row extends object>(
  projection: Projection.Projection<Event, Key, Row>,
  key: Key,
  at: RowAt | undefined
): Effect.fn.Return<
  {
    readonly table: ReadModelTable.ReadModelTable<Key, Row>
    readonly text: string
    readonly events: Events
  },
  ReadModelTable.InvalidProjection | NoSingleStream,
  EventStore
> {
  const table = yield* Effect.fromResult(ReadModelTable.make(projection))
  const stored = yield* Effect.fromResult(
    Result.mapError(
      table.encodeKey(key),
      (issue) =>
        new ReadModelTable.InvalidProjection({ name: projection.name, field: "key", issue })
    )
  )
  const text = table.keyText(stored)
  const events = yield* eventsOf(projection, projection.streams?.(key), text, at)
  return { table, text, events }
})

const eventsOf = Effect.fnUntraced(function* <Event, Key, Row>(
  projection: Projection.Projection<Event, Key, Row>,
  streams: ReadonlyArray<StreamId.StreamId> | undefined,
  text: string,
  at: RowAt | undefined
): Effect.fn.Return<Events, NoSingleStream, EventStore> {
  const store = yield* EventStore
  const only = streams?.length === 1 ? streams[0] : undefined
  if (at !== undefined && "revision" in at) {
    if (only === undefined) {
      return yield* new NoSingleStream({
        name: projection.name,
        key: text,
        ...(streams === undefined ? {} : { streams: streams.length })
      })
    }
    return settings(store.read(only, { to: at.revision }))
  }
  if (only !== undefined) {
    if (at !== undefined && "position" in at) {
      return Stream.takeWhile(settings(store.read(only)), ({ position }) => position <= at.position)
    }
    return settings(store.read(only, { until: at }))
  }
  const events = yield* logUpTo(projection, at)
  if (streams === undefined) return events
  const wanted = new Set(streams)
  return Stream.filter(events, ({ streamId }) => wanted.has(streamId))
})

/** An invalid option is a defect: options are built here, and `at` was checked when it was made. */
const settings = (stream: Stream.Stream<RecordedEvent, ReadError>): Events =>
  Stream.catchTag(stream, "InvalidReadOption", Stream.die)

const logUpTo = Effect.fnUntraced(function* <Event, Key, Row>(
  { from }: Projection.Projection<Event, Key, Row>,
  at: At | undefined
): Effect.fn.Return<Events, never, EventStore> {
  const store = yield* EventStore
  const categories = from.map(({ category }) => category)
  const upTo = at !== undefined && "position" in at ? at.position : undefined
  const events = settings(store.readAll({ categories, upTo }))
  if (at === undefined || "position" in at) return events
  const later = isLater(at)
  const ended = new Set<StreamId.StreamId>()
  return Stream.filter(events, (event) => {
    if (ended.has(event.streamId)) return false
    if (!later(event)) return true
    ended.add(event.streamId)
    return false
  })
})

const isLater = (until: Until) => {
  const millis = DateTime.toEpochMillis(until.occurredAt ?? until.recordedAt)
  const field = until.occurredAt === undefined ? "recordedAt" : "occurredAt"
  return (event: RecordedEvent) => DateTime.toEpochMillis(event[field]) > millis
}

const foldEvents = Effect.fnUntraced(function* <Event, Key, Row>(
  model: Model<Event, Key, Row>,
  events: Events,
  owns: (keyText: string) => boolean
): Effect.fn.Return<
  ReadonlyMap<string, StoredRow>,
  ProjectionStopped | EventStoreError | ReadModelStoreError,
  ReadModelStore
> {
  const { name } = model.table
  const skipped = yield* skippedEvents(model.table)
  const rows = new Map<string, StoredRow>()
  yield* Stream.runForEachArray(events, (chunk) =>
    Effect.suspend(() => {
      const batch = prepare(model, chunk, skipped)
      const own = part(batch, { after: Position.start, before: undefined, owns })
      const folded = Result.flatMap(fold(model, own, rows), (changes) =>
        batch.poison === undefined ? Result.succeed(changes) : Result.fail(batch.poison)
      )
      if (Result.isFailure(folded)) {
        return new ProjectionStopped({ name, poison: folded.failure })
      }
      const { deletions, upserts } = folded.success
      for (const row of upserts) rows.set(model.table.keyText(row), row)
      for (const key of deletions) rows.delete(model.table.keyText(key))
      return Effect.void
    })
  )
  return rows
})

/** The events that were skipped for the version of a table. */
const skippedEvents = Effect.fnUntraced(function* ({
  name,
  version
}: Pick<ReadModelTable.Any, "name" | "version">): Effect.fn.Return<
  ReadonlySet<EventMark>,
  ReadModelStoreError,
  ReadModelStore
> {
  const skips = yield* (yield* ReadModelStore).skipped(name)
  return new Set(skips.filter((one) => one.version === version).map(({ event }) => event))
})

/** The table has just encoded the row: a row that it can't decode is a defect. */
const decodedRow = <Event, Key, Row>(
  { name }: Projection.Projection<Event, Key, Row>,
  table: ReadModelTable.ReadModelTable<Key, Row>,
  row: StoredRow
): Row => Result.getOrThrowWith(table.decode(row), (issue) => new Error(`${name}: ${issue}`))
