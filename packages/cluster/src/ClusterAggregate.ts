/**
 * An aggregate whose commands can be sent to another host: the aggregate with the schemas of what
 * crosses the network.
 *
 * @since 0.1.0
 */
import type * as Aggregate from "@daybook/kernel/Aggregate"
import type * as Schema from "effect/Schema"

/**
 * An aggregate with the schemas of its commands, events and rejections.
 *
 * **Details**
 * All hosts of a cluster have the same schemas. The state crosses in `aggregate.state`.
 *
 * @category types
 * @since 0.1.0
 */
export interface ClusterAggregate<in out Command, in out State, in out Event, in out Rejection> {
  readonly aggregate: Aggregate.Aggregate<Command, State, Event, Rejection>
  readonly command: Schema.Codec<Command, unknown>
  readonly event: Schema.Codec<Event, unknown>
  readonly rejection: Schema.Codec<Rejection, unknown>
}

/**
 * Binds an aggregate to the schemas in which its commands and answers cross the network.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <Command, State, Event, Rejection>(
  options: ClusterAggregate<Command, State, Event, Rejection>
): ClusterAggregate<Command, State, Event, Rejection> => options
