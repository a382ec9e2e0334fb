/**
 * The timers of processes by the time they are due: a table that is kept from the log.
 *
 * The log is the truth: a timer is set, fired or cancelled by an event of its process. The table
 * only finds the next one. Laws of every store, checked by `ProcessRunnerLaws` of
 * `@daybook/testing`:
 *
 * 1. The due timers are those that were set by the latest change of their process and name, and
 *    that are due; the earliest come first.
 * 2. Removing a timer leaves a later setting of it.
 * 3. Processes of other names and slots outside of a range are left out.
 *
 * @since 0.1.0
 */
import type { StreamId } from "@daybook/kernel/StreamId"
import { rootMessage } from "@daybook/store/RootMessage"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as DateTime from "effect/DateTime"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type { SlotRange } from "./ConsumerGroup.ts"

/**
 * A timer of a process that is set.
 *
 * @category types
 * @since 0.1.0
 */
export interface ProcessTimer {
  /** The stream of the process. */
  readonly streamId: StreamId
  readonly timer: string
  /** The number of this setting among all settings of the process, from 1. */
  readonly setting: number
  readonly due: DateTime.Utc
  /** The slot of the stream, see `slotOf` of `ConsumerGroup`. */
  readonly slot: number
}

/**
 * A change of the timer of that name: the setting that is in force afterwards, or none.
 *
 * @category types
 * @since 0.1.0
 */
export type ProcessTimerChange =
  | ProcessTimer
  | { readonly streamId: StreamId; readonly timer: string; readonly due?: never }

/**
 * The timers of a process manager that are set.
 *
 * @category types
 * @since 0.1.0
 */
export interface ProcessTimersStatus {
  readonly pending: number
  /** The time at which the next one is due. */
  readonly next: Option.Option<DateTime.Utc>
}

/**
 * The store of the timers itself failed, for example its connection.
 *
 * @category errors
 * @since 0.1.0
 */
export class ProcessTimersError extends Data.TaggedError("ProcessTimersError")<{
  readonly operation: string
  readonly cause: unknown
}> {
  override get message() {
    return `${this.operation} failed: ${rootMessage(this.cause)}`
  }
}

/**
 * The timers of processes that are set.
 *
 * @category services
 * @since 0.1.0
 */
export class ProcessTimers extends Context.Service<
  ProcessTimers,
  {
    /**
     * The time by which timers are due: that of the database, so that no host fires one early by a
     * clock of its own; in memory the `Clock`.
     */
    readonly now: Effect.Effect<DateTime.Utc, ProcessTimersError>

    /**
     * Applies changes of timers of the process manager `process`, at most one of each timer, in the
     * transaction of the caller.
     */
    readonly apply: (
      process: string,
      changes: ReadonlyArray<ProcessTimerChange>
    ) => Effect.Effect<void, ProcessTimersError>

    /** Returns the timers of a range that are due first, at most `limit`, due or not. */
    readonly next: (
      process: string,
      range: SlotRange,
      limit: number
    ) => Effect.Effect<ReadonlyArray<ProcessTimer>, ProcessTimersError>

    /** Removes timers, but not a later setting of them. */
    readonly remove: (
      process: string,
      timers: ReadonlyArray<ProcessTimer>
    ) => Effect.Effect<void, ProcessTimersError>

    /** Returns the number of timers that are set. */
    readonly status: (process: string) => Effect.Effect<ProcessTimersStatus, ProcessTimersError>
  }
>()("@daybook/reactors/ProcessTimers") {}
