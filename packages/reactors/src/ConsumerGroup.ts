/**
 * A consumer group: the definition, the slots that its hosts share out, and its errors.
 *
 * @since 0.1.0
 */
import type * as Named from "@daybook/kernel/Named"
import type { Position } from "@daybook/kernel/Position"
import { printableLine } from "@daybook/kernel/Printable"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import type { Category } from "@daybook/kernel/StreamId"
import { type Checkpoint, describe, MismatchReason } from "@daybook/store/Checkpoint"
import { rootMessage } from "@daybook/store/RootMessage"
import * as Data from "effect/Data"
import * as Schema from "effect/Schema"

/**
 * The name of a group.
 *
 * **Details**
 * Shape: a lower-case letter, then lower-case letters, digits and single `-` or `_`; at most 60
 * characters.
 *
 * @category types
 * @since 0.1.0
 */
export const Name = Schema.String.check(
  Schema.isPattern(/^(?=.{1,60}$)[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*$/, {
    expected:
      "a group name: a lower-case letter, then lower-case letters, digits and single - or _, at most 60 characters"
  })
).pipe(Schema.brand("ConsumerGroupName"))

/**
 * @category types
 * @since 0.1.0
 */
export type Name = typeof Name.Type

/**
 * Hosts that follow the log together: each event goes to one of them, and the events of one key in
 * their order.
 *
 * @category types
 * @since 0.1.0
 */
export interface ConsumerGroup {
  /** A valid {@link Name}. It identifies the progress, so every host gives the same definition. */
  readonly name: string
  /**
   * The place after which the group begins, looked at when it is run for the first time: the
   * beginning of the log unless told.
   */
  readonly from?: "beginning" | "now" | Position | Checkpoint | undefined
  /** Only streams of these categories. An empty list matches nothing. */
  readonly categories?: ReadonlyArray<Category> | undefined
  /** Only events of these types. An empty list matches nothing. */
  readonly types?: ReadonlyArray<string> | undefined
  /**
   * Returns the key whose events are handled in order: the stream unless told. Another function
   * needs another name: events would be dealt out differently, while keys of the old one are held.
   */
  readonly key?: ((event: RecordedEvent) => string) | undefined
}

/**
 * Returns the key of an event in a group.
 *
 * @category destructors
 * @since 0.1.0
 */
export const keyOf = ({ key }: ConsumerGroup, event: RecordedEvent): string =>
  key === undefined ? event.streamId : key(event)

/**
 * The number of slots of every group: the largest number of hosts that can share its work.
 *
 * @category limits
 * @since 0.1.0
 */
export const SLOTS = 1_024

/**
 * A place among the {@link SLOTS} of a group, from 0.
 *
 * @category types
 * @since 0.1.0
 */
export const Slot = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: SLOTS - 1 }))

/**
 * Returns the slot of a key: FNV-1a of its UTF-16 code units, mixed. It never changes.
 *
 * @category destructors
 * @since 0.1.0
 */
export const slotOf = (key: string): number => {
  let hash = 0x811c9dc5
  for (let index = 0; index < key.length; index++) {
    hash = Math.imul(hash ^ key.charCodeAt(index), 0x01000193)
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  return (hash ^ (hash >>> 13)) & (SLOTS - 1)
}

/**
 * Neighbouring slots, both ends included.
 *
 * @category types
 * @since 0.1.0
 */
export const SlotRange = Schema.Struct({ first: Slot, last: Slot })

/**
 * @category types
 * @since 0.1.0
 */
export type SlotRange = Named.Struct<typeof SlotRange>

/**
 * Returns true if the slot is of the range.
 *
 * @category guards
 * @since 0.1.0
 */
export const includes = ({ first, last }: SlotRange, slot: number): boolean =>
  first <= slot && slot <= last

/**
 * The lease of a range was lost to another host, or ended by a restart of the group: nothing was
 * written.
 *
 * @category errors
 * @since 0.1.0
 */
export class LeaseLost extends Schema.TaggedError<LeaseLost>()("LeaseLost", {
  group: Name,
  range: SlotRange,
  epoch: Schema.Int
}) {
  override get message() {
    return `Lease ${this.epoch} of slots ${this.range.first} to ${this.range.last} of ${this.group} is lost`
  }
}

/**
 * The log no longer has the history that the group followed: it was restored to an earlier time, or
 * is another log. The group stands still until it is restarted.
 *
 * @category errors
 * @since 0.1.0
 */
export class GroupOffHistory extends Schema.TaggedError<GroupOffHistory>()("GroupOffHistory", {
  group: Name,
  reason: MismatchReason
}) {
  override get message() {
    return `Consumer group ${this.group} is of another history: ${describe(this.reason)}; restart it`
  }
}

/**
 * No host has ever run a group of this name.
 *
 * @category errors
 * @since 0.1.0
 */
export class UnknownGroup extends Schema.TaggedError<UnknownGroup>()("UnknownGroup", {
  group: Schema.String
}) {
  override get message() {
    return printableLine(`No consumer group is called ${this.group}`)
  }
}

/**
 * The key is not held back in the group: it has not failed, or was released meanwhile.
 *
 * @category errors
 * @since 0.1.0
 */
export class KeyNotHeld extends Schema.TaggedError<KeyNotHeld>()("KeyNotHeld", {
  group: Name,
  key: Schema.String
}) {
  override get message() {
    return printableLine(`Consumer group ${this.group} holds back no key ${this.key}`)
  }
}

/**
 * The store of the groups itself failed, for example its connection.
 *
 * @category errors
 * @since 0.1.0
 */
export class ConsumerGroupsError extends Data.TaggedError("ConsumerGroupsError")<{
  readonly operation: string
  readonly cause: unknown
}> {
  override get message() {
    return `${this.operation} failed: ${rootMessage(this.cause)}`
  }
}
