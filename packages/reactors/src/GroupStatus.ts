/**
 * The progress of a consumer group.
 *
 * @since 0.1.0
 */
import type * as Named from "@daybook/kernel/Named"
import { Checkpoint, MismatchReason } from "@daybook/store/Checkpoint"
import * as Schema from "effect/Schema"
import { Name, SlotRange } from "./ConsumerGroup.ts"
import { HeldKey } from "./HeldKey.ts"

/**
 * A range of slots of a group.
 *
 * @category types
 * @since 0.1.0
 */
export const RangeStatus = Schema.Struct({
  range: SlotRange,
  epoch: Schema.Int,
  /** The host that has the lease; none if the range is free. */
  owner: Schema.Option(Schema.String),
  checkpoint: Checkpoint
})

/**
 * @category types
 * @since 0.1.0
 */
export type RangeStatus = Named.Struct<typeof RangeStatus>

/**
 * The state of a group. `off history`: its checkpoints are of another history of the log, or of
 * another log. `stopped`: an event stopped a range. `idle`: a range has no host. `behind`: the
 * group lacks events.
 *
 * @category types
 * @since 0.1.0
 */
export const State = Schema.Literals(["off history", "stopped", "idle", "behind", "live"])

/**
 * @category types
 * @since 0.1.0
 */
export type State = typeof State.Type

/**
 * The progress of a group.
 *
 * @category types
 * @since 0.1.0
 */
export const GroupStatus = Schema.Struct({
  name: Name,
  state: State,
  /** The ranges in the order of their slots. */
  ranges: Schema.Array(RangeStatus),
  /** The held keys in the order of their positions. */
  held: Schema.Array(HeldKey),
  /**
   * The settled events of the group after its lowest checkpoint, at most `MAX_BACKLOG`; some of
   * them may have been handled already, by ranges that are ahead.
   */
  lagEvents: Schema.Int,
  /** The time for which the earliest of them has waited, in milliseconds. */
  lagMillis: Schema.Number,
  mismatch: Schema.Option(MismatchReason)
})

/**
 * @category types
 * @since 0.1.0
 */
export type GroupStatus = Named.Struct<typeof GroupStatus>
