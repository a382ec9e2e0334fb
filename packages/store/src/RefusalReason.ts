/**
 * The reasons why every store refuses an append, mostly before it reaches the log.
 *
 * @since 0.1.0
 */
import type * as Named from "@daybook/kernel/Named"
import * as Schema from "effect/Schema"
import { NotJson } from "./NotJson.ts"

/**
 * The reason why an append was refused. `index` counts events from 0.
 *
 * @category types
 * @since 0.1.0
 */
export const RefusalReason = Schema.TaggedUnion({
  NoEvents: {},
  /** The `appendAll` has only checks. */
  NoAppends: {},
  TooManyEvents: { count: Schema.Int, limit: Schema.Int },
  RepeatedEventId: { index: Schema.Int, eventId: Schema.String },
  InvalidStreamId: { issue: Schema.String },
  InvalidExpected: { issue: Schema.String },
  TooManyStreams: { count: Schema.Int, limit: Schema.Int },
  /** The `appendAll` names the stream twice. */
  RepeatedStream: {},
  /** A command id is not a lower-case UUID. `index` counts the commands of a call from 0. */
  InvalidCommandId: { index: Schema.Int },
  InvalidField: { index: Schema.Int, field: Schema.String, issue: Schema.String },
  /** A value is not JSON. `path` leads to it, such as `data.lines.0.price`. */
  NotJson: { index: Schema.Int, path: Schema.String, found: NotJson },
  TooLarge: {
    index: Schema.Int,
    field: Schema.Literals(["data", "metadata"]),
    bytes: Schema.Int,
    limit: Schema.Int
  },
  /** The events up to `index`, counting all streams of the call, exceed the bytes of one append. */
  AppendTooLarge: { index: Schema.Int, bytes: Schema.Int, limit: Schema.Int },
  /**
   * The stream is at the revision `actual` and has no room for `count` more events: continue in
   * another stream.
   */
  StreamFull: { actual: Schema.Int, count: Schema.Int, limit: Schema.Int },
  /** The caller's transaction has a fixed snapshot: its isolation level is not READ COMMITTED. */
  WrongIsolation: { found: Schema.String, needed: Schema.String }
})

/**
 * @category types
 * @since 0.1.0
 */
export type RefusalReason = Named.Union<typeof RefusalReason>

/**
 * Returns the reason in words, with its numbers.
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
    InvalidCommandId: ({ index }) => `the id of command ${index} is not a lower-case UUID`,
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
