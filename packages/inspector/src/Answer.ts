/**
 * The answers of the inspector about the host and its log, and the parts that all screens share, as
 * its page and other clients decode them.
 *
 * A value of an event, a state or a row is absent where it is withheld from the caller; names,
 * types, times and sizes never are. `withheld` of an answer is true if one of its values is.
 *
 * @since 0.1.0
 */
import { EventId } from "@daybook/kernel/EventId"
import { LogId } from "@daybook/kernel/LogId"
import * as Position from "@daybook/kernel/Position"
import * as Revision from "@daybook/kernel/Revision"
import { Permission } from "@daybook/http/Authenticator"
import * as Schema from "effect/Schema"
import { withheld } from "./internal/withheld.ts"

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
 * Events of the log, newest first.
 *
 * @category types
 * @since 0.1.0
 */
export const LogPage = Schema.Struct({
  events: Schema.Array(EventLine),
  /** Pass it as `below` for the next, earlier page; absent at the beginning of the log. */
  next: Schema.optionalKey(Position.Position),
  /**
   * The position up to which the log was settled. The first page ends exactly here: pass it as
   * `after` of the live log, which goes on without a gap and without a repetition.
   */
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
 * The events that one request or command set in motion, oldest first: those next to the position
 * that was asked about, if there are more than 500.
 *
 * @category types
 * @since 0.1.0
 */
export const Trail = Schema.Struct({
  events: Schema.Array(EventLine),
  /** False if events at or below `from` or above `to` may belong to it. */
  complete: Schema.Boolean,
  /** The events that belong to it above this position, and up to `to`, are all in the answer. */
  from: Position.Position,
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
 * The fields by which the elements of a list of a state are matched, by the path of the list:
 * `{ "lines": ["productId", "unitPriceMinor"] }`.
 *
 * @category types
 * @since 0.1.0
 */
export const ListKeys = Schema.Record(Schema.String, Schema.Array(Schema.String))

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
