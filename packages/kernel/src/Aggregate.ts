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
 * What a store needs to know to run the commands of one kind of thing.
 *
 * @category types
 * @since 0.1.0
 */
export interface Aggregate<in Command, in out State, in out Event, out Rejection> {
  readonly category: StreamId.Category
  readonly decider: Decider<Command, State, Event, Rejection>
  readonly codec: EventCodec<Event>
  readonly state: Schema.Codec<State, unknown>
}

/**
 * Builds an aggregate; dies when `category` is not a {@link StreamId.Category}.
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
 * The stream of the instance `id`.
 *
 * @category operations
 * @since 0.1.0
 */
export const streamId = <Command, State, Event, Rejection>(
  aggregate: Aggregate<Command, State, Event, Rejection>,
  id: string
): Result.Result<StreamId.StreamId, StreamId.InvalidStreamId> =>
  StreamId.make(aggregate.category, id)
