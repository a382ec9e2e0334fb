/**
 * A read model as a pure fold by key: which rows an event touches, and what becomes of them.
 *
 * Laws, for every projection:
 *
 * 1. `keys` and `apply` are functions: the same event on the same row gives the same answer.
 * 2. `apply` keeps the key: the columns of the primary key are as it was given them.
 * 3. What `apply` gives is a row of the schema, whatever recorded event comes on whatever row.
 *
 * Where the rows are kept, and how often, is decided elsewhere: the same definition is folded beside the
 * log, in the transaction of an append, or on demand.
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
    /** Every shape that it reads, by which hosts see that they run different code. */
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
 * What is known of an event before a log has numbered it; `schemaVersion` and `data` are as stored.
 *
 * @category types
 * @since 0.1.0
 */
export type Unnumbered = Omit<RecordedEvent, "revision" | "position" | "recordedAt">

/**
 * Where an event is applied: to the row of `key`, as it was `recorded`, its stored form included.
 *
 * @category types
 * @since 0.1.0
 */
export interface Applied<out Key> {
  readonly key: Key
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
 * **Details**
 * `primaryKey`: the fields of a row that tell it from all others. `indexes`: fields that are searched by.
 * `keys`: which rows an event touches, none included. `streams`: of a key, all streams that hold events
 * of its row, if that can be told. `apply`: the row after the event, or `undefined` when there is none;
 * it is given `undefined` where there was none.
 *
 * @category types
 * @since 0.1.0
 */
export interface Projection<Event, Key, Row> {
  readonly name: Name
  readonly version: Version
  readonly from: ReadonlyArray<EventSource<Event>>
  readonly row: RowSchema<Row>
  readonly primaryKey: ReadonlyArray<string>
  readonly indexes: ReadonlyArray<ReadonlyArray<string>>
  /** The text of the functions that it was made of, by which hosts see that they run different code. */
  readonly code?: string
  // Methods, so that projections of different rows fit into one list, see `Any`.
  keys(event: Event, recorded: Unnumbered): ReadonlyArray<Key>
  streams?(key: Key): ReadonlyArray<StreamId>
  apply(row: Row | undefined, event: Event, applied: Applied<Key>): Row | undefined
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
 * Shape: a lower-case letter, then lower-case letters, digits and single `_`, 40 characters at most: PostgreSQL
 * cuts identifiers at 63, and the tables beside it have longer names.
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
 * The version of a projection's definition, counted from 1; a change of the fold or of the row is a new one.
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
 * The rows of a projection, whose fold is still to be given.
 *
 * **Details**
 * `initial`: the row that the first event of a key is applied to; it may be `undefined` where an event makes the row.
 *
 * @category types
 * @since 0.1.0
 */
export interface Definition<Event, Key, Row> {
  readonly fold: <Initial extends Row | undefined>(fold: {
    readonly keys: (event: Event, recorded: Unnumbered) => ReadonlyArray<Key>
    readonly streams?: (key: Key) => ReadonlyArray<StreamId>
    readonly initial: (key: Key) => Initial
    readonly apply: (row: Row | Initial, event: Event, applied: Applied<Key>) => Row | undefined
  }) => Projection<Event, Key, Row>
}

/**
 * Begins a projection with what its rows are; dies when the name or the version is none.
 *
 * **Details**
 * `from`: aggregates, or other sources; their categories must differ. `primaryKey` and `indexes`: fields of the row.
 * Two steps, so that the fold is written against rows whose type is known already.
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
  readonly from: Sources
  readonly row: RowSchema<Row>
  readonly primaryKey: Columns
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
  // Each source gives its part of the union of events.
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
