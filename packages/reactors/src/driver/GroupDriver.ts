/**
 * The part of consumer groups that a store implements: their rows, in transactions.
 *
 * @since 0.1.0
 */
import type { Position } from "@daybook/kernel/Position"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import type { Checkpoint } from "@daybook/store/Checkpoint"
import type { BacklogOptions } from "@daybook/store/Subscription"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type {
  ConsumerGroupsError,
  GroupRuns,
  KeyNotHeld,
  LeaseLost,
  SlotRange
} from "../ConsumerGroup.ts"
import type { Act, HeldKey, Waiting, Why } from "../HeldKey.ts"
import type { Assigned, Host, Rows } from "../internal/group/assign.ts"

/**
 * A lease of a range.
 *
 * @category types
 * @since 0.1.0
 */
export interface Lease {
  readonly group: string
  readonly range: SlotRange
  readonly epoch: number
}

/**
 * The filter of a group, as it is stored for its status.
 *
 * @category types
 * @since 0.1.0
 */
export type Filter = Pick<BacklogOptions, "categories" | "types">

/**
 * A change of the rows of a held key.
 *
 * @category types
 * @since 0.1.0
 */
export type KeyChange =
  | {
      readonly _tag: "Hold"
      readonly held: Omit<HeldKey, "at" | "asked">
    }
  | {
      readonly _tag: "Settle"
      readonly key: string
      /** The next event of the key that waits; with none the key is held no longer. */
      readonly next: RecordedEvent | undefined
    }
  | {
      readonly _tag: "Wait"
      /** The events that wait for held keys; those of other keys are left out. */
      readonly waiting: ReadonlyArray<Waiting>
    }
  | {
      readonly _tag: "Skip"
      readonly event: RecordedEvent
      readonly issue: string
    }

/**
 * The stored state of a group.
 *
 * @category types
 * @since 0.1.0
 */
export interface GroupState extends Rows {
  readonly filter: Filter
  /** The held keys in the order of their positions. */
  readonly held: ReadonlyArray<HeldKey>
  /** The clock of the store, in milliseconds. */
  readonly now: number
}

/**
 * A host's part after a tick.
 *
 * @category types
 * @since 0.1.0
 */
export interface Ticked extends Omit<Assigned, "rows"> {
  /** The held keys of the host's ranges on which an act is asked. */
  readonly asked: ReadonlyArray<HeldKey>
}

/**
 * The rows of consumer groups.
 *
 * @category types
 * @since 0.1.0
 */
export interface GroupDriver {
  /** True if work that fails in a transaction is undone. */
  readonly undoes: boolean

  readonly names: Effect.Effect<ReadonlyArray<string>, ConsumerGroupsError>

  /** Records the filter of a group; a new group gets one free range, at `start`. */
  readonly open: <E>(
    name: string,
    filter: Filter,
    start: Effect.Effect<Checkpoint, E>
  ) => Effect.Effect<void, E | ConsumerGroupsError>

  /** Carries out `assign` for a host, as one transaction, by the clock of the store. */
  readonly tick: (
    name: string,
    host: Omit<Host, "now">
  ) => Effect.Effect<Ticked, ConsumerGroupsError>

  /** Ends the membership and the leases of a host. */
  readonly leave: (name: string, owner: string) => Effect.Effect<void, ConsumerGroupsError>

  /**
   * Runs `work` and moves the checkpoint of a leased range, in one transaction; the lease is
   * checked after the work.
   */
  readonly commit: <A, E, R>(
    lease: Lease,
    checkpoint: Checkpoint,
    work: Effect.Effect<A, E, R> | undefined
  ) => Effect.Effect<A | undefined, E | LeaseLost | ConsumerGroupsError, R>

  /** Runs `work` and changes the rows of a held key, in one transaction, under the lease. */
  readonly change: <A, E, R>(
    lease: Lease,
    change: KeyChange,
    work: Effect.Effect<A, E, R>
  ) => Effect.Effect<
    { readonly answer: A; readonly parked: number },
    E | LeaseLost | ConsumerGroupsError,
    R
  >

  /** Returns a group; none if none of the name was opened. */
  readonly state: (name: string) => Effect.Effect<Option.Option<GroupState>, ConsumerGroupsError>

  /**
   * Returns the positions of events that wait for a held key, in order: those after `after` and up
   * to `upTo`, at most `limit`.
   */
  readonly waiting: (
    name: string,
    key: string,
    options: { readonly after: Position; readonly upTo: Position; readonly limit: number }
  ) => Effect.Effect<ReadonlyArray<Position>, ConsumerGroupsError>

  /** Records an act on a held key, or on all of the group, and asks its host to carry it out. */
  readonly ask: (
    name: string,
    act: "release" | "drop",
    key: string | undefined,
    why: Why
  ) => Effect.Effect<void, KeyNotHeld | ConsumerGroupsError>

  /** Ends all leases, moves all checkpoints, and deletes the held keys. */
  readonly restart: (
    name: string,
    checkpoint: Checkpoint,
    why: Why
  ) => Effect.Effect<void, ConsumerGroupsError>

  /** Deletes a group that has no member, but for its acts. */
  readonly forget: (name: string, why: Why) => Effect.Effect<void, GroupRuns | ConsumerGroupsError>

  readonly acts: (name: string) => Effect.Effect<ReadonlyArray<Act>, ConsumerGroupsError>
}
