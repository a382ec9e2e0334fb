/**
 * The description that binds a category, a decider and a codec; no class, no state.
 *
 * @since 0.1.0
 */
import type * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import type { Decider } from "./Decider.ts"
import type { EventCodec } from "./EventCodec.ts"
import * as StreamId from "./StreamId.ts"

/**
 * The description that a command handler needs to run the commands of one category.
 *
 * @category types
 * @since 0.1.0
 */
export interface Aggregate<in Command, in out State, in out Event, out Rejection> {
  readonly category: StreamId.Category
  readonly decider: Decider<Command, State, Event, Rejection>
  readonly codec: EventCodec<Event>
  /** The schema in which snapshots store the state. */
  readonly state: Schema.Codec<State, unknown>
}

/**
 * Builds an aggregate. Throws unless `category` is a {@link StreamId.Category}.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <Command, State, Event, Rejection>(options: {
  readonly category: string
  readonly decider: Decider<Command, State, Event, Rejection>
  readonly codec: EventCodec<Event>
  readonly state: Schema.Codec<State, unknown>
}): Aggregate<Command, State, Event, Rejection> => ({
  ...options,
  category: StreamId.Category.make(options.category)
})

/**
 * Returns the id of the stream of the instance `id`.
 *
 * @category operations
 * @since 0.1.0
 */
export const streamId = <Command, State, Event, Rejection>(
  aggregate: Aggregate<Command, State, Event, Rejection>,
  id: string
): Result.Result<StreamId.StreamId, StreamId.InvalidStreamId> =>
  StreamId.make(aggregate.category, id)
