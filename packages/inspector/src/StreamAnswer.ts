/**
 * The answers of the inspector about streams, their events and their states.
 *
 * @since 0.1.0
 */
import { DecodeErrorReason } from "@daybook/kernel/EventCodec"
import * as Position from "@daybook/kernel/Position"
import * as Revision from "@daybook/kernel/Revision"
import * as Schema from "effect/Schema"
import { EventLine, Searched } from "./Answer.ts"
import { withheld } from "./internal/withheld.ts"

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
 * The reason why the host's index of streams lacks some, so that streams come from the end of the
 * log or from a part of the index.
 *
 * **Details**
 * `reading`: it is being read. `too many`: the log has more streams than it holds. `lost`: the
 * store failed, and is asked again each five seconds.
 *
 * @category types
 * @since 0.1.0
 */
export const IndexGap = Schema.Literals(["reading", "too many", "lost"])

/**
 * @category types
 * @since 0.1.0
 */
export type IndexGap = typeof IndexGap.Type

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
   * The fields to replace in the query for the next page; absent on the last one. `q` is the
   * reading of the text that found something. In the order by change, a stream that changes between
   * two pages is not repeated.
   */
  next: Schema.optionalKey(
    Schema.Struct({
      q: Schema.String,
      offset: Schema.Int,
      below: Schema.optionalKey(Position.Position)
    })
  ),
  /** Absent if the index has all streams, or was not asked. */
  index: Schema.optionalKey(IndexGap),
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
