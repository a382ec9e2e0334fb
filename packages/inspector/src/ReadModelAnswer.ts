/**
 * The answers of the inspector about read models and their rows.
 *
 * @since 0.1.0
 */
import * as Position from "@daybook/kernel/Position"
import { ColumnType } from "@daybook/projections/driver/StoredRow"
import * as Schema from "effect/Schema"
import { EventLine, Searched } from "./Answer.ts"
import { withheld } from "./internal/withheld.ts"

/**
 * A read model and its columns.
 *
 * @category types
 * @since 0.1.0
 */
export const ReadModelHead = Schema.Struct({
  name: Schema.String,
  version: Schema.Int,
  categories: Schema.Array(Schema.String),
  columns: Schema.Array(
    Schema.Struct({
      field: Schema.String,
      type: ColumnType,
      nullable: Schema.Boolean,
      isKey: Schema.Boolean,
      /** True if an index begins with it, so that a filter or an order by it is cheap. */
      indexed: Schema.Boolean,
      /** True if rows can be ordered by it. */
      sortable: Schema.Boolean
    })
  ),
  /** False if explaining a row reads all events of the categories, not those of one stream. */
  namesStreams: Schema.Boolean
})

/**
 * @category types
 * @since 0.1.0
 */
export type ReadModelHead = typeof ReadModelHead.Type

/**
 * A row by field, in its stored form.
 *
 * @category types
 * @since 0.1.0
 */
export const Row = Schema.Record(Schema.String, Schema.Json)

/**
 * A row of a table. Its key is the JSON array of the values of its primary key.
 *
 * @category types
 * @since 0.1.0
 */
export const KeyedRow = Schema.Struct({ key: Schema.String, row: Schema.optionalKey(Row) })

/**
 * A page of the rows of a read model.
 *
 * @category types
 * @since 0.1.0
 */
export const Rows = Schema.Struct({
  rows: Schema.Array(KeyedRow),
  /** Continues after the last row; absent on the last page. */
  next: Schema.optionalKey(Schema.String),
  /**
   * The position that the rows include; of a table as of a point, the settled position up to which
   * the log was folded.
   */
  position: Position.Position,
  /** The number of all rows that match, if the table was folded for this request. */
  count: Schema.optionalKey(Schema.Int),
  millis: Schema.Number,
  ...withheld
})

/**
 * @category types
 * @since 0.1.0
 */
export type Rows = typeof Rows.Type

/**
 * A row explained: the events that touched it, each folded again by the projection itself.
 *
 * @category types
 * @since 0.1.0
 */
export const ExplainedRow = Schema.Struct({
  key: Schema.String,
  /** The row that serves; null if there is none, absent as of an earlier point or if withheld. */
  stored: Schema.optionalKey(Schema.NullOr(Row)),
  /**
   * `equal`: the fold gives the row that serves. `differs`: it gives another one. `moving`: the
   * read model went on while it was compared. `not compared`: the fold is of an earlier point, or
   * did not reach the position of the row.
   */
  verdict: Schema.Literals(["equal", "differs", "moving", "not compared"]),
  /** The position up to which events were folded. */
  position: Position.Position,
  /** False if the fold ended at its limit of time or events before it reached the point. */
  complete: Schema.Boolean,
  /** The number of steps before the first one of `steps`: those that did not fit in the answer. */
  skipped: Schema.Int,
  steps: Schema.Array(
    Schema.Struct({
      event: EventLine,
      /** Null where there is no row. */
      before: Schema.optionalKey(Schema.NullOr(Row)),
      after: Schema.optionalKey(Schema.NullOr(Row)),
      /** The fields that it changed. */
      changed: Schema.Array(Schema.String)
    })
  ),
  /** The event that can't be folded, if one ended the fold. */
  stopped: Schema.optionalKey(
    Schema.Struct({ event: EventLine, issue: Schema.optionalKey(Schema.String) })
  ),
  searched: Searched,
  ...withheld
})

/**
 * @category types
 * @since 0.1.0
 */
export type ExplainedRow = typeof ExplainedRow.Type

/**
 * The differences of a table between two points.
 *
 * @category types
 * @since 0.1.0
 */
export const TableDifference = Schema.Struct({
  added: Schema.Int,
  removed: Schema.Int,
  changed: Schema.Int,
  /** The rows that differ, by key: at most the first 500. */
  rows: Schema.Array(
    Schema.Struct({
      key: Schema.String,
      kind: Schema.Literals(["added", "removed", "changed"]),
      before: Schema.optionalKey(Row),
      after: Schema.optionalKey(Row)
    })
  ),
  millis: Schema.Number,
  ...withheld
})

/**
 * @category types
 * @since 0.1.0
 */
export type TableDifference = typeof TableDifference.Type
