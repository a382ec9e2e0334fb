/**
 * The reasons for which every store refuses an append, mostly before it reaches the log.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { NotJson } from "./NotJson.ts"

/**
 * The reason for which an append was refused. `index` counts events from 0.
 *
 * @category types
 * @since 0.1.0
 */
export const RefusalReason = Schema.TaggedUnion({
  NoEvents: {},
  /** `appendAll` has only checks. */
  NoAppends: {},
  TooManyEvents: { count: Schema.Int, limit: Schema.Int },
  RepeatedEventId: { index: Schema.Int, eventId: Schema.String },
  InvalidStreamId: { issue: Schema.String },
  InvalidExpected: { issue: Schema.String },
  TooManyStreams: { count: Schema.Int, limit: Schema.Int },
  /** `appendAll` names the stream twice. */
  RepeatedStream: {},
  /** `index` counts the commands of a call from 0. */
  InvalidCommandId: { index: Schema.Int },
  InvalidField: { index: Schema.Int, field: Schema.String, issue: Schema.String },
  /** `path` leads to the value, such as `data.lines.0.price`. */
  NotJson: { index: Schema.Int, path: Schema.String, found: NotJson },
  TooLarge: {
    index: Schema.Int,
    field: Schema.Literals(["data", "metadata"]),
    bytes: Schema.Int,
    limit: Schema.Int
  },
  /** The events up to `index` are more than an append holds, with those of its other streams. */
  AppendTooLarge: { index: Schema.Int, bytes: Schema.Int, limit: Schema.Int },
  /** The stream is at the revision `actual`, and has no room for `count` events more: go on in another stream. */
  StreamFull: { actual: Schema.Int, count: Schema.Int, limit: Schema.Int },
  /** The transaction that the append is called in keeps the snapshot of its beginning. */
  WrongIsolation: { found: Schema.String, needed: Schema.String }
})

/**
 * @category types
 * @since 0.1.0
 */
export type RefusalReason = typeof RefusalReason.Type

/**
 * Says the reason in words, with its numbers.
 *
 * @category destructors
 * @since 0.1.0
 */
export const describe = (reason: RefusalReason): string =>
  RefusalReason.match(reason, {
    NoEvents: () => "it has no events",
    NoAppends: () => "the call has no appends",
    TooManyEvents: ({ count, limit }) => `${count} events, at most ${limit} are allowed`,
    RepeatedEventId: ({ eventId, index }) => `event ${index} repeats the id ${eventId}`,
    InvalidStreamId: ({ issue }) => issue,
    InvalidExpected: ({ issue }) => `its expected revision is ${issue}`,
    TooManyStreams: ({ count, limit }) => `${count} streams, at most ${limit} are allowed`,
    RepeatedStream: () => "the stream is named twice",
    InvalidCommandId: ({ index }) => `the id of command ${index} is no UUID in lower case`,
    InvalidField: ({ field, index, issue }) => `${field} of event ${index}: ${issue}`,
    NotJson: ({ found, index, path }) => `${path} of event ${index} is or holds ${found}`,
    TooLarge: ({ bytes, field, index, limit }) =>
      `${field} of event ${index} has ${bytes} bytes, at most ${limit} are allowed`,
    AppendTooLarge: ({ bytes, index, limit }) =>
      `with event ${index} it has ${bytes} bytes, at most ${limit} are allowed`,
    StreamFull: ({ actual, count, limit }) =>
      `the stream is at revision ${actual} and ends at ${limit}, which leaves no room for ${count} more`,
    WrongIsolation: ({ found, needed }) =>
      `the transaction around it is ${found}, and an append needs ${needed}`
  })
