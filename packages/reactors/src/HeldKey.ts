/**
 * A key of a consumer group that an event has stopped, and the acts on it.
 *
 * @since 0.1.0
 */
import { EventMark } from "@daybook/kernel/EventMark"
import type * as Named from "@daybook/kernel/Named"
import { Position } from "@daybook/kernel/Position"
import * as Schema from "effect/Schema"
import { Name, Slot } from "./ConsumerGroup.ts"

/**
 * The maximum length of the text of a failure, in UTF-16 code units.
 *
 * @category limits
 * @since 0.1.0
 */
export const MAX_ISSUE_LENGTH = 1_000

/**
 * A key whose event failed. The log keeps the event and the later ones of the key.
 *
 * @category types
 * @since 0.1.0
 */
export const HeldKey = Schema.Struct({
  key: Schema.String,
  slot: Slot,
  /** `parked`: other keys go on. `stopped`: the whole range of slots waits. */
  state: Schema.Literals(["parked", "stopped"]),
  /** The position of the event that failed: it and the later ones of the key are not handled. */
  position: Position,
  event: EventMark,
  streamId: Schema.String,
  type: Schema.String,
  /** The error, at most {@link MAX_ISSUE_LENGTH} UTF-16 code units. */
  issue: Schema.String,
  /** The number of attempts at the event, of all hosts. */
  attempts: Schema.Int,
  /** The time of the last attempt. */
  at: Schema.DateTimeUtc,
  /**
   * An act that the host of the range has not carried out yet. `release`: handle the event again
   * and then the later ones. `drop`: leave the event out, and handle the later ones.
   */
  asked: Schema.NullOr(Schema.Literals(["release", "drop"]))
})

/**
 * @category types
 * @since 0.1.0
 */
export type HeldKey = Named.Struct<typeof HeldKey>

/**
 * An event that waits for a held key, after the one that failed.
 *
 * @category types
 * @since 0.1.0
 */
export interface Waiting {
  readonly key: string
  readonly position: Position
}

/**
 * The actor and the reason of an act; the database adds the login.
 *
 * @category types
 * @since 0.1.0
 */
export interface Why {
  /** The person or program that wants the act, as the host knows them. */
  readonly actor?: string | undefined
  readonly reason?: string | undefined
}

/**
 * An act on a group, recorded with its time.
 *
 * @category types
 * @since 0.1.0
 */
export const Act = Schema.Struct({
  group: Name,
  /**
   * The kind. `release` and `drop`: of a held key; `restart`: the group goes on from elsewhere;
   * `skip`: a consumer left an event out by its policy; `forget`: the group was deleted.
   */
  act: Schema.Literals(["release", "drop", "skip", "restart", "forget"]),
  at: Schema.DateTimeUtc,
  /** The database user who did it; none in memory. */
  login: Schema.Option(Schema.String),
  actor: Schema.Option(Schema.String),
  reason: Schema.Option(Schema.String),
  /** Facts such as keys, positions and ids of events, and no data of events. */
  details: Schema.Record(Schema.String, Schema.Json)
})

/**
 * @category types
 * @since 0.1.0
 */
export type Act = Named.Struct<typeof Act>
