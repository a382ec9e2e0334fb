/**
 * A read model as a pure fold by key: the rows that an event touches, and their change.
 *
 * Laws, for every projection:
 *
 * 1. `keys` and `apply` are functions: the same event on the same row gives the same answer.
 * 2. `apply` preserves the key: it does not change the columns of the primary key.
 * 3. `apply` returns a row that fits the schema, for any recorded event on any row.
 *
 * The place of the rows is decided elsewhere: the same definition is folded beside the log, in the
 * transaction of an append, or on demand.
 *
 * @since 0.1.0
 */
import type * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { EventDecodeError, StoredVersion } from "./EventCodec.ts"
import type { RecordedEvent } from "./RecordedEvent.ts"
import type { Category, StreamId } from "./StreamId.ts"

/**
 * Streams whose events a projection reads; every aggregate is one.
 *
 * @category types
 * @since 0.1.0
 */
export interface EventSource<out Event> {
  readonly category: Category
  readonly codec: {
    readonly name: string
    /** Every shape that it reads. Hosts compare them to see that they run different code. */
    readonly versions?: ReadonlyArray<StoredVersion>
    readonly decode: (
      stored: RecordedEvent
    ) => Result.Result<ReadonlyArray<Event>, EventDecodeError>
  }
}

/**
 * The events of a source.
 *
 * @category types
 * @since 0.1.0
 */
export type EventOf<Source> = Source extends EventSource<infer Event> ? Event : never

/**
 * An event before a log has numbered it; `schemaVersion` and `data` are as stored.
 *
 * @category types
 * @since 0.1.0
 */
export type PendingEvent = Omit<RecordedEvent, "revision" | "position" | "recordedAt">

/**
 * The context in which an event is applied to a row.
 *
 * @category types
 * @since 0.1.0
 */
export interface EventContext<out Key> {
  /** The key of the row. */
  readonly key: Key
  /** The recorded event, with its stored form. */
  readonly recorded: RecordedEvent
}

/**
 * The schema of a row: a struct whose codec needs no services.
 *
 * @category types
 * @since 0.1.0
 */
export interface RowSchema<out Row> extends Schema.Codec<Row, unknown> {
  readonly fields: Schema.Struct.Fields
}

/**
 * A read model as a fold by key.
 *
 * @category types
 * @since 0.1.0
 */
export interface Projection<Event, Key, Row> {
  readonly name: Name
  readonly version: Version
  readonly from: ReadonlyArray<EventSource<Event>>
  readonly row: RowSchema<Row>
  /** The fields of a row that identify it. */
  readonly primaryKey: ReadonlyArray<string>
  /** The lists of fields to search by. */
  readonly indexes: ReadonlyArray<ReadonlyArray<string>>
  /** The text of its functions. Hosts compare it to see that they run different code. */
  readonly code?: string
  // Methods, so that projections of different rows fit into one list, see `Any`.
  /** Returns the keys of the rows that an event touches; may be empty. */
  keys(event: Event, recorded: PendingEvent): ReadonlyArray<Key>
  /** Returns all streams with events of the row of `key`; absent if a key does not name them. */
  streams?(key: Key): ReadonlyArray<StreamId>
  /** Returns the row after the event. `undefined` means no row, before the event and after it. */
  apply(row: Row | undefined, event: Event, applied: EventContext<Key>): Row | undefined
}

/**
 * Any projection, for lists of several.
 *
 * @category types
 * @since 0.1.0
 */
export type Any = Projection<unknown, object, object>

/**
 * The name of a read model, and of its table.
 *
 * **Details**
 * Shape: a lower-case letter, then lower-case letters, digits and single `_`; at most 40
 * characters: PostgreSQL cuts identifiers at 63, and the tables beside it have longer names.
 *
 * @category types
 * @since 0.1.0
 */
export const Name = Schema.String.check(
  Schema.isPattern(/^(?=.{1,40}$)[a-z][a-z0-9]*(?:_[a-z0-9]+)*$/, {
    expected:
      "a projection name: a lower-case letter, then lower-case letters, digits or single _, at most 40 characters"
  })
).pipe(Schema.brand("ProjectionName"))

/**
 * @category types
 * @since 0.1.0
 */
export type Name = typeof Name.Type

/**
 * The version of a projection's definition, counted from 1. A change of the fold or of the row
 * needs a new version.
 *
 * @category types
 * @since 0.1.0
 */
export const Version = Schema.Int.check(
  Schema.isBetween({ minimum: 1, maximum: 2_147_483_647 })
).pipe(Schema.brand("ProjectionVersion"))

/**
 * @category types
 * @since 0.1.0
 */
export type Version = typeof Version.Type

/**
 * A projection that has its rows and still lacks its fold.
 *
 * @category types
 * @since 0.1.0
 */
export interface Definition<Event, Key, Row> {
  readonly fold: <Initial extends Row | undefined>(fold: {
    readonly keys: (event: Event, recorded: PendingEvent) => ReadonlyArray<Key>
    readonly streams?: (key: Key) => ReadonlyArray<StreamId>
    /** Returns the row before a key's first event; `undefined` where an event makes the row. */
    readonly initial: (key: Key) => Initial
    readonly apply: (
      row: Row | Initial,
      event: Event,
      applied: EventContext<Key>
    ) => Row | undefined
  }) => Projection<Event, Key, Row>
}

/**
 * Begins a projection with its rows. Throws unless the name and the version are valid and the
 * categories of `from` differ.
 *
 * **Details**
 * A projection takes two steps, so that the fold is written against rows whose type is known.
 *
 * @see {@link Definition}
 * @category constructors
 * @since 0.1.0
 */
export const define = <
  const Sources extends ReadonlyArray<EventSource<unknown>>,
  Row extends object,
  const Columns extends ReadonlyArray<keyof Row & string>
>(rows: {
  readonly name: string
  readonly version: number
  /** Aggregates or other sources, each of another category. */
  readonly from: Sources
  readonly row: RowSchema<Row>
  /** Fields of the row. */
  readonly primaryKey: Columns
  /** Lists of fields of the row. */
  readonly indexes?: ReadonlyArray<ReadonlyArray<keyof NoInfer<Row> & string>>
}): Definition<EventOf<Sources[number]>, Pick<Row, Columns[number]>, Row> => {
  type Event = EventOf<Sources[number]>
  const { indexes = [], primaryKey, row } = rows
  const name = Name.make(rows.name)
  const version = Version.make(rows.version)
  const categories = rows.from.map(({ category }) => category)
  if (new Set(categories).size < categories.length) {
    throw new Error(`${name} reads a category twice: ${categories.join(", ")}`)
  }
  // The events of each source are a part of the union.
  const from = rows.from as ReadonlyArray<EventSource<Event>>
  return {
    fold: (fold) => {
      const { apply, initial, keys, streams } = fold
      return {
        name,
        version,
        from,
        row,
        primaryKey,
        indexes,
        code: [keys, initial, apply].map(String).join("\n"),
        keys,
        ...(streams === undefined ? {} : { streams }),
        apply: (row, event, applied) => apply(row ?? initial(applied.key), event, applied)
      }
    }
  }
}
