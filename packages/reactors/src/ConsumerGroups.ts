/**
 * Follows the log in groups of hosts.
 *
 * A group's {@link SLOTS} are shared out among the hosts that run it, in ranges. Each range has a
 * lease with an epoch and a checkpoint of its own. Laws of every store, checked by
 * `ConsumerGroupLaws` of `@daybook/testing`:
 *
 * 1. Every event after the beginning of the group, of its categories and types, is handed out.
 * 2. The events of one key are handed out in position order. A range is handed to another host only
 *    after its consumer returned, or after its lease was lost.
 * 3. A lease that was lost commits nothing.
 * 4. An event is handed out again only if it is after the checkpoint: work committed with a
 *    checkpoint takes effect exactly once.
 *
 * @since 0.1.0
 */
import type { Position } from "@daybook/kernel/Position"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import type { Checkpoint } from "@daybook/store/Checkpoint"
import type { EventStoreError } from "@daybook/store/EventStore"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type {
  ConsumerGroup,
  ConsumerGroupsError,
  GroupOffHistory,
  GroupRuns,
  KeyNotHeld,
  LeaseLost,
  SlotRange,
  UnknownGroup
} from "./ConsumerGroup.ts"
import type { GroupStatus } from "./GroupStatus.ts"
import type { Act, HeldKey, Waiting, Why } from "./HeldKey.ts"

/**
 * The next events of a range, in position order: with them, all of the range up to `checkpoint`
 * were emitted.
 *
 * @category types
 * @since 0.1.0
 */
export interface Page {
  /** May be empty: then only the checkpoint moves. */
  readonly events: ReadonlyArray<RecordedEvent>
  readonly checkpoint: Checkpoint
}

/**
 * A range of slots that this host has a lease of.
 *
 * @category types
 * @since 0.1.0
 */
export interface Assignment {
  readonly group: ConsumerGroup
  readonly range: SlotRange
  readonly epoch: number
  /** The checkpoint of the range when the lease began. */
  readonly checkpoint: Checkpoint
  /**
   * The events of the range after its checkpoint, in bounded memory. It ends when the range is to
   * be given up: the consumer then finishes what it has, commits, and returns.
   */
  readonly pages: Stream.Stream<Page, GroupOffHistory | EventStoreError>
  /** Waits until the range is to be given up, which also ends `pages`. */
  readonly drained: Effect.Effect<void>
  /** True if work that fails is undone: it may hold several steps. False in memory. */
  readonly undoes: boolean
  /** Moves the checkpoint of the range; a lower one leaves it. */
  readonly commit: (checkpoint: Checkpoint) => Effect.Effect<void, LeaseLost | ConsumerGroupsError>
  /**
   * Runs `work` in the database transaction that moves the checkpoint: all or nothing, and nothing
   * if the lease is lost.
   *
   * **Details**
   * In memory no lease ends while `work` runs, and it is not interrupted. A `work` that fails
   * leaves the checkpoint, but its changes of other values are not undone.
   */
  readonly commitWith: <A, E, R>(
    checkpoint: Checkpoint,
    work: Effect.Effect<A, E, R>
  ) => Effect.Effect<A, E | LeaseLost | ConsumerGroupsError, R>
  /** Returns the keys of an event that are of this range: its stream, if the key function fails. */
  readonly keysOf: (event: RecordedEvent) => ReadonlyArray<string>
  /** Returns the held keys of the range. */
  readonly held: Effect.Effect<ReadonlyArray<HeldKey>, ConsumerGroupsError>
  /** Emits the held keys on which an act is asked; one may be emitted again until it is settled. */
  readonly asked: Stream.Stream<HeldKey>
  /**
   * Reads the events of a held key between two positions, both included, from the log: the event at
   * `from` and those that {@link Assignment.wait} recorded, whatever the key function returns for
   * them today, and the others of the key.
   */
  readonly eventsOf: (
    key: string,
    positions: { readonly from: Position; readonly upTo: Position }
  ) => Stream.Stream<RecordedEvent, EventStoreError | ConsumerGroupsError>
  /** Records that events wait for held keys, so that another key function does not lose them. */
  readonly wait: (
    waiting: ReadonlyArray<Waiting>
  ) => Effect.Effect<void, LeaseLost | ConsumerGroupsError>
  /** Records that an event of the key failed; returns the number of parked keys of the group. */
  readonly hold: (
    held: Omit<HeldKey, "slot" | "at" | "asked">
  ) => Effect.Effect<number, LeaseLost | ConsumerGroupsError>
  /**
   * Runs `work` in the transaction that moves a held key past its event: to the next of its events
   * that waits, or to none, which ends the hold.
   */
  readonly settle: <A, E, R>(
    key: string,
    next: RecordedEvent | undefined,
    work: Effect.Effect<A, E, R>
  ) => Effect.Effect<A, E | LeaseLost | ConsumerGroupsError, R>
  /** Records that an event was left out, for the given issue. */
  readonly skip: (
    event: RecordedEvent,
    issue: string
  ) => Effect.Effect<void, LeaseLost | ConsumerGroupsError>
}

/**
 * The settings by which hosts share groups out among themselves.
 *
 * @category types
 * @since 0.1.0
 */
export interface Settings {
  /**
   * The time that a range stays with a host that does not renew its lease. Leases are renewed, and
   * ranges of other hosts looked at, when a third of it has passed: when a host dies, another one
   * takes over after at most four thirds. A host stops its consumers when it could not renew for
   * as long as the lease.
   */
  readonly lease: Duration.Input
}

/**
 * The settings of groups, a lease of 3 seconds unless provided otherwise.
 *
 * @category references
 * @since 0.1.0
 */
export const GroupSettings = Context.Reference<Settings>("@daybook/reactors/GroupSettings", {
  defaultValue: () => ({ lease: "3 seconds" })
})

/**
 * The groups of one log.
 *
 * @category services
 * @since 0.1.0
 */
export class ConsumerGroups extends Context.Service<
  ConsumerGroups,
  {
    /**
     * Takes part in a group for as long as it runs: leases ranges, and runs `consume` in a fiber
     * for each range that it has.
     *
     * **Details**
     * A `consume` that returns gives its range up; the host may get it again. It is interrupted
     * when the lease is lost. When this effect is interrupted, the consumers are interrupted and
     * the ranges given up at once.
     * Errors: `GroupOffHistory`; the errors of `consume`, but for `LeaseLost`, after which the host
     * goes on with its other ranges. The host has left the group then.
     */
    readonly run: <E, R>(
      group: ConsumerGroup,
      consume: (assignment: Assignment) => Effect.Effect<void, E, R>
    ) => Effect.Effect<
      never,
      Exclude<E, LeaseLost> | GroupOffHistory | ConsumerGroupsError | EventStoreError,
      R
    >

    /** Returns the names of all groups that were ever run, sorted. */
    readonly names: Effect.Effect<ReadonlyArray<string>, ConsumerGroupsError>

    /** Returns the progress of a group. */
    readonly status: (
      name: string
    ) => Effect.Effect<GroupStatus, UnknownGroup | ConsumerGroupsError | EventStoreError>

    /**
     * Handles the event on which a key is held again, and then the later ones of the key, in order;
     * of all held keys if none is named.
     *
     * **Details**
     * The host of the key does it, so the answer comes before it is done.
     */
    readonly release: (
      name: string,
      options?: Why & { readonly key?: string | undefined }
    ) => Effect.Effect<void, UnknownGroup | KeyNotHeld | ConsumerGroupsError>

    /** Leaves out the event on which a key is held, and handles the later ones of the key. */
    readonly drop: (
      name: string,
      options: Why & { readonly key: string }
    ) => Effect.Effect<void, UnknownGroup | KeyNotHeld | ConsumerGroupsError>

    /**
     * Goes on from another place: ends all leases, moves all checkpoints, forgets the held keys.
     */
    readonly restart: (
      name: string,
      options: Why & { readonly from: NonNullable<ConsumerGroup["from"]> }
    ) => Effect.Effect<void, UnknownGroup | GroupOffHistory | ConsumerGroupsError | EventStoreError>

    /**
     * Deletes the progress and the held keys of a group that no host runs, for good: a host that
     * runs it again begins as if for the first time.
     *
     * **Details**
     * A host that died counts until its lease has ended.
     */
    readonly forget: (
      name: string,
      options?: Why
    ) => Effect.Effect<void, UnknownGroup | GroupRuns | ConsumerGroupsError>

    /** Returns the acts on a group in the order of time, also on one that was forgotten. */
    readonly acts: (
      name: string
    ) => Effect.Effect<ReadonlyArray<Act>, UnknownGroup | ConsumerGroupsError>
  }
>()("@daybook/reactors/ConsumerGroups") {}
