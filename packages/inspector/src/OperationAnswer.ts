/**
 * The answers of the inspector about all that keeps up with the log.
 *
 * @since 0.1.0
 */
import * as Position from "@daybook/kernel/Position"
import { Act } from "@daybook/projections/ReadModelAct"
import { RowDifference } from "@daybook/projections/ReadModelError"
import { Status } from "@daybook/projections/ProjectionStatus"
import { GroupStatus } from "@daybook/reactors/GroupStatus"
import * as Schema from "effect/Schema"
import * as Struct from "effect/Struct"
import { withheld } from "./internal/withheld.ts"

/**
 * A sample of the lag of a read model; without a rate, of a consumer group.
 *
 * @category types
 * @since 0.1.0
 */
export const LagSample = Schema.Struct({
  at: Schema.DateTimeUtc,
  lagEvents: Schema.Int,
  lagMillis: Schema.Number,
  eventsPerSecond: Schema.Number
})

/**
 * @category types
 * @since 0.1.0
 */
export type LagSample = typeof LagSample.Type

/**
 * A rebuild that was begun on this page's host, running or ended.
 *
 * @category types
 * @since 0.1.0
 */
export const Rebuild = Schema.Struct({
  model: Schema.String,
  generation: Schema.optionalKey(Schema.Int),
  actor: Schema.optionalKey(Schema.String),
  begunAt: Schema.DateTimeUtc,
  endedAt: Schema.optionalKey(Schema.DateTimeUtc),
  position: Schema.optionalKey(Position.Position),
  target: Schema.optionalKey(Position.Position),
  /** The reached fraction of the target, 0 to 1. */
  fraction: Schema.Number,
  eventsPerSecond: Schema.Number,
  millisLeft: Schema.optionalKey(Schema.Number),
  /**
   * `equal`: the rebuilt rows equal the old ones, and serve. `took over`: they serve, and were not
   * compared or were accepted as they are. `differs`: the old rows go on serving.
   */
  verdict: Schema.Literals(["running", "equal", "took over", "differs", "failed"]),
  /** The number of rows that differ. */
  differing: Schema.optionalKey(Schema.Int),
  /** The first rows that differ. */
  differences: Schema.optionalKey(Schema.Array(RowDifference)),
  /** The message of the error that ended it. */
  failure: Schema.optionalKey(Schema.String)
})

/**
 * @category types
 * @since 0.1.0
 */
export type Rebuild = typeof Rebuild.Type

/**
 * All that keeps up with the log.
 *
 * @category types
 * @since 0.1.0
 */
export const Operation = Schema.Struct({
  at: Schema.DateTimeUtc,
  head: Position.Position,
  models: Schema.Array(
    Schema.Struct({
      status: Status,
      /** The generations beside the serving one. */
      generations: Schema.Array(
        Schema.Struct({
          generation: Schema.Int,
          version: Schema.Int,
          role: Schema.Literals(["serving", "shadow", "retired"]),
          position: Position.Position,
          events: Schema.Int
        })
      ),
      /** Samples of the last minutes, oldest first, from the first look on. */
      samples: Schema.Array(LagSample),
      /** The most recent act on it. */
      lastAct: Schema.optionalKey(Act)
    })
  ),
  /** The consumer groups of the log, if the host has `ConsumerGroups`: reactors and the like. */
  reactors: Schema.Array(
    Schema.Struct({
      status: GroupStatus,
      samples: Schema.Array(Schema.Struct(Struct.omit(LagSample.fields, ["eventsPerSecond"])))
    })
  ),
  /** Rebuilds of this host, newest first. */
  rebuilds: Schema.Array(Rebuild),
  ...withheld
})

/**
 * @category types
 * @since 0.1.0
 */
export type Operation = typeof Operation.Type
