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
import * as Result from "effect/Result"
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
   * Returns the key whose events are handled in order: the stream unless told. An event of several
   * keys is handled once for each of them; one of no key is left out.
   *
   * **Details**
   * Shape: at most {@link MAX_KEY_LENGTH} UTF-16 code units, well-formed, without `U+0000`.
   * An event for which it throws, or returns another shape, is handed out under its stream; a
   * reactor fails such an event, by its policy.
   * Another function needs another name: events would be dealt out differently.
   */
  readonly key?: ((event: RecordedEvent) => string | ReadonlyArray<string>) | undefined
}

/**
 * The maximum length of a key, in UTF-16 code units. An index entry of PostgreSQL has at most 2,704
 * bytes, and a code unit up to three.
 *
 * @category limits
 * @since 0.1.0
 */
export const MAX_KEY_LENGTH = 500

const Key = Schema.String.check(
  Schema.makeFilter(
    (key: string) => key.length <= MAX_KEY_LENGTH && key.isWellFormed() && !key.includes("\0"),
    {
      expected: `a key of at most ${MAX_KEY_LENGTH} UTF-16 code units of well-formed Unicode without U+0000`
    }
  )
)

const keysIn = Schema.decodeUnknownSync(Schema.Union([Key, Schema.Array(Key)]))

/**
 * Returns the keys of an event in a group, each once; fails with what the key function threw, or
 * with the fault of what it returned.
 *
 * @category destructors
 * @since 0.1.0
 */
export const keysOf = (
  { key }: ConsumerGroup,
  event: RecordedEvent
): Result.Result<ReadonlyArray<string>, unknown> =>
  key === undefined
    ? Result.succeed([event.streamId])
    : Result.try({
        try: () => {
          const keys = keysIn(key(event))
          return typeof keys === "string" ? [keys] : Array.from(new Set(keys))
        },
        catch: (thrown) => thrown
      })

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
 * Hosts run the group, or did until a moment ago: a group that is forgotten would begin again.
 *
 * @category errors
 * @since 0.1.0
 */
export class GroupRuns extends Schema.TaggedError<GroupRuns>()("GroupRuns", {
  group: Name,
  /** The ids of the hosts. */
  hosts: Schema.Array(Schema.String)
}) {
  override get message() {
    return `Cannot forget consumer group ${this.group}: ${this.hosts.length} hosts run it`
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
