/**
 * The answers of the inspector, as its page and other clients decode them.
 *
 * A value of an event, a state or a row is absent where it is withheld from the caller; names,
 * types, times and sizes never are. `withheld` of an answer is true if one of its values is.
 *
 * @since 0.1.0
 */
import { DecodeErrorReason } from "@daybook/kernel/EventCodec"
import { EventId } from "@daybook/kernel/EventId"
import { LogId } from "@daybook/kernel/LogId"
import * as Position from "@daybook/kernel/Position"
import * as Revision from "@daybook/kernel/Revision"
import { Act } from "@daybook/projections/ReadModelAct"
import { RowDifference } from "@daybook/projections/ReadModelError"
import { Status } from "@daybook/projections/ProjectionStatus"
import { GroupStatus } from "@daybook/reactors/GroupStatus"
import { ColumnType } from "@daybook/projections/driver/StoredRow"
import { Permission } from "@daybook/http/Authenticator"
import * as Schema from "effect/Schema"
import * as Struct from "effect/Struct"

const withheld = { withheld: Schema.Boolean }

/**
 * The part of the log that a search read, and what it left out.
 *
 * @category types
 * @since 0.1.0
 */
export const Searched = Schema.Struct({
  /** The number of events that were read. */
  events: Schema.Int,
  /** Events at and below this position were not read; absent when all were. */
  below: Schema.optionalKey(Position.Position),
  /** The time at which the earliest event that was read was recorded. */
  since: Schema.optionalKey(Schema.DateTimeUtc),
  millis: Schema.Number
})

/**
 * @category types
 * @since 0.1.0
 */
export type Searched = typeof Searched.Type

/**
 * An event in a line of a list.
 *
 * @category types
 * @since 0.1.0
 */
export const EventLine = Schema.Struct({
  id: EventId,
  streamId: Schema.String,
  revision: Revision.Revision,
  position: Position.Position,
  /** `daybook.passed-over` for an event that readers pass over. */
  type: Schema.String,
  schemaVersion: Schema.Int,
  occurredAt: Schema.DateTimeUtc,
  recordedAt: Schema.DateTimeUtc,
  actor: Schema.optionalKey(Schema.String),
  commandId: Schema.optionalKey(Schema.String),
  correlationId: Schema.optionalKey(Schema.String),
  causationId: Schema.optionalKey(Schema.String),
  /** The size of its data as JSON text in UTF-8. */
  bytes: Schema.Int,
  /** A sentence of the aggregate's presenter, or else the first fields of the data. */
  text: Schema.optionalKey(Schema.String),
  /** The stored data. */
  data: Schema.optionalKey(Schema.Json)
})

/**
 * @category types
 * @since 0.1.0
 */
export type EventLine = typeof EventLine.Type

/**
 * A form of an event on its way from the store to today.
 *
 * @category types
 * @since 0.1.0
 */
export const EventForm = Schema.Struct({
  schemaVersion: Schema.Int,
  /** The data in this version, as its schema encodes it. */
  data: Schema.optionalKey(Schema.Json)
})

/**
 * An event in full.
 *
 * @category types
 * @since 0.1.0
 */
export const EventDetail = Schema.Struct({
  /** The line, with the stored data. */
  line: EventLine,
  /** The recorded metadata, custom fields included. */
  metadata: Schema.optionalKey(Schema.Json),
  /** The stored form, and the form after each step but the last of its upcaster. */
  forms: Schema.Array(EventForm),
  /** The events of today that it stands for; absent if it can't be decoded. */
  today: Schema.optionalKey(
    Schema.Array(Schema.Struct({ type: Schema.String, data: Schema.optionalKey(Schema.Json) }))
  ),
  /** The reason why it can't be decoded, and that reason in words, which may quote its data. */
  undecodable: Schema.optionalKey(
    Schema.Struct({
      reason: Schema.Literals(Object.keys(DecodeErrorReason.cases) as Array<DecodeReason>),
      issue: Schema.optionalKey(Schema.String)
    })
  ),
  ...withheld
})

type DecodeReason = keyof typeof DecodeErrorReason.cases

/**
 * @category types
 * @since 0.1.0
 */
export type EventDetail = typeof EventDetail.Type

/**
 * A stream in a line of a list.
 *
 * @category types
 * @since 0.1.0
 */
export const StreamLine = Schema.Struct({
  streamId: Schema.String,
  category: Schema.String,
  revision: Revision.Revision,
  position: Position.Position,
  /** The time at which its last event occurred. */
  occurredAt: Schema.DateTimeUtc,
  /** The time at which its last event was recorded. */
  recordedAt: Schema.DateTimeUtc,
  /** Its last event, or the last one that the search found. */
  event: Schema.optionalKey(EventLine)
})

/**
 * @category types
 * @since 0.1.0
 */
export type StreamLine = typeof StreamLine.Type

/**
 * The meaning of the text of a search.
 *
 * **Details**
 * `all`: an empty text. `id`: a whole stream id, perhaps with `@` and a revision. `prefix`: its
 * beginning. `part`: a text within ids, written `*ada*`. The others are written with their name and
 * a colon, such as `type:OrderShipped`.
 *
 * @category types
 * @since 0.1.0
 */
export const Reading = Schema.Struct({
  by: Schema.Literals([
    "all",
    "id",
    "prefix",
    "part",
    "category",
    "type",
    "actor",
    "correlation",
    "event"
  ]),
  text: Schema.String
})

/**
 * @category types
 * @since 0.1.0
 */
export type Reading = typeof Reading.Type

/**
 * The number of streams of a search.
 *
 * @category types
 * @since 0.1.0
 */
export const Count = Schema.Struct({
  streams: Schema.Int,
  /** False if there may be more. */
  exact: Schema.Boolean
})

/**
 * A page of streams.
 *
 * @category types
 * @since 0.1.0
 */
export const FoundStreams = Schema.Struct({
  reading: Reading,
  /** Other readings of the same text that find something. `q` is the text to search instead. */
  also: Schema.Array(Schema.Struct({ q: Schema.String, reading: Reading, count: Count })),
  count: Count,
  /** The place of the first stream of the page among those of the search, from 0. */
  offset: Schema.Int,
  streams: Schema.Array(StreamLine),
  /**
   * The whole result of a search that is ordered by change, newest first: the number of streams
   * whose last event was recorded in each bucket, and the place of its first stream.
   */
  ruler: Schema.optionalKey(
    Schema.Struct({
      bucketMillis: Schema.Int,
      buckets: Schema.Array(
        Schema.Struct({ at: Schema.Int, offset: Schema.Int, streams: Schema.Int })
      )
    })
  ),
  /** The place that a pasted event id or a revision leads to. */
  goTo: Schema.optionalKey(
    Schema.Struct({ streamId: Schema.String, revision: Schema.optionalKey(Revision.Revision) })
  ),
  searched: Searched,
  ...withheld
})

/**
 * @category types
 * @since 0.1.0
 */
export type FoundStreams = typeof FoundStreams.Type

/**
 * The fields by which the elements of a list of a state are matched, by the path of the list:
 * `{ "lines": ["productId", "unitPriceMinor"] }`.
 *
 * @category types
 * @since 0.1.0
 */
export const ListKeys = Schema.Record(Schema.String, Schema.Array(Schema.String))

/**
 * The head of a stream.
 *
 * @category types
 * @since 0.1.0
 */
export const StreamHead = Schema.Struct({
  stream: StreamLine,
  /** The first event. */
  first: EventLine,
  /** False if the host has no aggregate of its category, so that there are no states. */
  hasState: Schema.Boolean,
  head: Position.Position,
  ...withheld
})

/**
 * @category types
 * @since 0.1.0
 */
export type StreamHead = typeof StreamHead.Type

/**
 * The revisions of a stream in short, for sliders and virtual lists.
 *
 * @category types
 * @since 0.1.0
 */
export const Outline = Schema.Struct({
  types: Schema.Array(Schema.String),
  actors: Schema.Array(Schema.String),
  /**
   * A line for each revision from `from` on: the index of its type, the index of its actor or -1,
   * its schema version, and the milliseconds since 1970 at which it occurred and was recorded.
   */
  events: Schema.Array(
    Schema.Tuple([Schema.Int, Schema.Int, Schema.Int, Schema.Number, Schema.Number])
  ),
  from: Revision.Revision,
  /** The next `from`; absent at the end of the stream. */
  next: Schema.optionalKey(Revision.Revision)
})

/**
 * @category types
 * @since 0.1.0
 */
export type Outline = typeof Outline.Type

/**
 * A page of the events of a stream, oldest first.
 *
 * @category types
 * @since 0.1.0
 */
export const StreamEvents = Schema.Struct({
  events: Schema.Array(
    Schema.Struct({
      ...EventLine.fields,
      /** The presenter's figure of the state after it. */
      figure: Schema.optionalKey(Schema.String)
    })
  ),
  /** The next `from`; absent at the end of the stream. */
  next: Schema.optionalKey(Revision.Revision),
  ...withheld
})

/**
 * @category types
 * @since 0.1.0
 */
export type StreamEvents = typeof StreamEvents.Type

/**
 * A state of a stream: that after all events up to its revision.
 *
 * @category types
 * @since 0.1.0
 */
export const StateAt = Schema.Struct({
  revision: Revision.Revision,
  /** The state as its schema encodes it. */
  state: Schema.optionalKey(Schema.Json),
  figure: Schema.optionalKey(Schema.String)
})

/**
 * @category types
 * @since 0.1.0
 */
export type StateAt = typeof StateAt.Type

/**
 * States of a stream at consecutive revisions.
 *
 * @category types
 * @since 0.1.0
 */
export const States = Schema.Struct({
  states: Schema.Array(StateAt),
  /** The next `from` if the answer ended before `to`: at the end of its bytes. */
  next: Schema.optionalKey(Revision.Revision),
  /** The first revision that can't be folded, and why. Later ones have no state. */
  stopped: Schema.optionalKey(
    Schema.Struct({ revision: Revision.Revision, issue: Schema.optionalKey(Schema.String) })
  ),
  ...withheld
})

/**
 * @category types
 * @since 0.1.0
 */
export type States = typeof States.Type

/**
 * Events of the log, newest first.
 *
 * @category types
 * @since 0.1.0
 */
export const LogPage = Schema.Struct({
  events: Schema.Array(EventLine),
  /** Pass it as `below` for the next, earlier page; absent at the beginning of the log. */
  next: Schema.optionalKey(Position.Position),
  /** The position up to which the log is settled. */
  head: Position.Position,
  searched: Searched,
  ...withheld
})

/**
 * @category types
 * @since 0.1.0
 */
export type LogPage = typeof LogPage.Type

/**
 * The events that one request or command set in motion, oldest first.
 *
 * @category types
 * @since 0.1.0
 */
export const Trail = Schema.Struct({
  events: Schema.Array(EventLine),
  /** False if events before or after the searched part of the log may belong to it. */
  complete: Schema.Boolean,
  /** Only events above this position were read. */
  from: Position.Position,
  /** Only events up to this position were read. */
  to: Position.Position,
  searched: Searched,
  ...withheld
})

/**
 * @category types
 * @since 0.1.0
 */
export type Trail = typeof Trail.Type

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
  /** The position that the rows include. */
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
  /** The number of steps before the first one of `steps`. */
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

/**
 * A sample of the lag of a read model; without a rate, of a consumer group.
 *
 * @category types
 * @since 0.1.0
 */
export const LagSample = Schema.Struct({
  at: Schema.DateTimeUtc,
  lagEvents: Schema.Int,
  lagMillis: Schema.Number,
  eventsPerSecond: Schema.Number
})

/**
 * @category types
 * @since 0.1.0
 */
export type LagSample = typeof LagSample.Type

/**
 * A rebuild that was begun on this page's host, running or ended.
 *
 * @category types
 * @since 0.1.0
 */
export const Rebuild = Schema.Struct({
  model: Schema.String,
  generation: Schema.optionalKey(Schema.Int),
  actor: Schema.optionalKey(Schema.String),
  begunAt: Schema.DateTimeUtc,
  endedAt: Schema.optionalKey(Schema.DateTimeUtc),
  position: Schema.optionalKey(Position.Position),
  target: Schema.optionalKey(Position.Position),
  /** The reached fraction of the target, 0 to 1. */
  fraction: Schema.Number,
  eventsPerSecond: Schema.Number,
  millisLeft: Schema.optionalKey(Schema.Number),
  /**
   * `equal`: the rebuilt rows equal the old ones, and serve. `took over`: they serve, and were not
   * compared or were accepted as they are. `differs`: the old rows go on serving.
   */
  verdict: Schema.Literals(["running", "equal", "took over", "differs", "failed"]),
  /** The number of rows that differ. */
  differing: Schema.optionalKey(Schema.Int),
  /** The first rows that differ. */
  differences: Schema.optionalKey(Schema.Array(RowDifference)),
  /** The message of the error that ended it. */
  failure: Schema.optionalKey(Schema.String)
})

/**
 * @category types
 * @since 0.1.0
 */
export type Rebuild = typeof Rebuild.Type

/**
 * All that keeps up with the log.
 *
 * @category types
 * @since 0.1.0
 */
export const Operation = Schema.Struct({
  at: Schema.DateTimeUtc,
  head: Position.Position,
  models: Schema.Array(
    Schema.Struct({
      status: Status,
      /** The generations beside the serving one. */
      generations: Schema.Array(
        Schema.Struct({
          generation: Schema.Int,
          version: Schema.Int,
          role: Schema.Literals(["serving", "shadow", "retired"]),
          position: Position.Position,
          events: Schema.Int
        })
      ),
      /** Samples of the last minutes, oldest first, from the first look on. */
      samples: Schema.Array(LagSample),
      /** The most recent act on it. */
      lastAct: Schema.optionalKey(Act)
    })
  ),
  /** The consumer groups of the log, if the host has `ConsumerGroups`: reactors and the like. */
  reactors: Schema.Array(
    Schema.Struct({
      status: GroupStatus,
      samples: Schema.Array(Schema.Struct(Struct.omit(LagSample.fields, ["eventsPerSecond"])))
    })
  ),
  /** Rebuilds of this host, newest first. */
  rebuilds: Schema.Array(Rebuild),
  ...withheld
})

/**
 * @category types
 * @since 0.1.0
 */
export type Operation = typeof Operation.Type

/**
 * The event types of a host, by codec.
 *
 * @category types
 * @since 0.1.0
 */
export const Catalogue = Schema.Struct({
  codecs: Schema.Array(
    Schema.Struct({
      name: Schema.String,
      category: Schema.String,
      types: Schema.Array(
        Schema.Struct({
          type: Schema.String,
          /** Other names under which it is stored. */
          formerNames: Schema.Array(Schema.String),
          /** The newest schema version. */
          newest: Schema.Int,
          /** True if no new event has this type. */
          retired: Schema.Boolean,
          versions: Schema.Array(
            Schema.Struct({
              schemaVersion: Schema.Int,
              /** By path, such as `unitPrice.minor`, the type; `?` marks an optional field. */
              fields: Schema.Record(Schema.String, Schema.String),
              /** The paths that differ from the version before. */
              added: Schema.Array(Schema.String),
              removed: Schema.Array(Schema.String),
              changed: Schema.Array(Schema.String)
            })
          ),
          /** Those who fold it. */
          readers: Schema.Array(
            Schema.Struct({
              kind: Schema.Literals(["aggregate", "read model"]),
              name: Schema.String
            })
          )
        })
      )
    })
  )
})

/**
 * @category types
 * @since 0.1.0
 */
export type Catalogue = typeof Catalogue.Type

/**
 * The host, and what its caller may do.
 *
 * @category types
 * @since 0.1.0
 */
export const About = Schema.Struct({
  title: Schema.String,
  log: LogId,
  head: Position.Position,
  now: Schema.DateTimeUtc,
  /** The name of the caller; absent on a host that asks for no credential. */
  actor: Schema.optionalKey(Schema.String),
  permissions: Schema.Array(Permission),
  /** True if values of events are shown without being asked for. */
  showsEvents: Schema.Boolean,
  /** True if states and rows are shown without being asked for. */
  showsRows: Schema.Boolean,
  aggregates: Schema.Array(
    Schema.Struct({
      category: Schema.String,
      /** The head of the column of figures, such as `Order after`; absent without figures. */
      figure: Schema.optionalKey(Schema.String),
      lists: ListKeys
    })
  ),
  readModels: Schema.Array(Schema.String)
})

/**
 * @category types
 * @since 0.1.0
 */
export type About = typeof About.Type
