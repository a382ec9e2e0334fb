/**
 * The calls of `CommandHandler.executeTogether`: commands of one or several aggregates, each on an
 * instance, that are recorded all or none.
 *
 * @since 0.1.0
 */
import type * as Aggregate from "@daybook/kernel/Aggregate"
import type { StreamId } from "@daybook/kernel/StreamId"
import * as Data from "effect/Data"
import type * as Types from "effect/Types"
import type { Executed } from "./CommandHandler.ts"
import { rootMessage } from "./internal/start/rootMessage.ts"

const TypeId = "~@daybook/store/CommandCall"

/**
 * A command on the instance `id` of an aggregate; built by {@link make}.
 *
 * @category types
 * @since 0.1.0
 */
export interface CommandCall<out State, out Event, out Rejection> {
  readonly [TypeId]: {
    readonly _State: Types.Covariant<State>
    readonly _Event: Types.Covariant<Event>
    readonly _Rejection: Types.Covariant<Rejection>
  }
  readonly aggregate: object
  readonly id: string
  readonly command: unknown
}

/**
 * A call of any aggregate, for lists of several.
 *
 * @category types
 * @since 0.1.0
 */
export type Any = CommandCall<unknown, unknown, unknown>

/**
 * The answers to calls, each in the place of its call.
 *
 * @category types
 * @since 0.1.0
 */
export type Answers<Calls extends ReadonlyArray<Any>> = {
  readonly [Place in keyof Calls]: Calls[Place] extends CommandCall<
    infer State,
    infer Event,
    unknown
  >
    ? Executed<State, Event>
    : never
}

/**
 * The rejections of all calls.
 *
 * @category types
 * @since 0.1.0
 */
export type Rejections<Calls extends ReadonlyArray<Any>> =
  Calls[number] extends CommandCall<unknown, unknown, infer Rejection> ? Rejection : never

// The rule does not see that a caller reads the type from the field.
// oxlint-disable typescript/no-unnecessary-type-parameters
/**
 * One of several commands was rejected, so none of them was recorded.
 *
 * @category errors
 * @since 0.1.0
 */
export class CommandRejected<out Rejection> extends Data.TaggedError("CommandRejected")<{
  /** The place of the command among the calls, from 0; of several rejected ones the first. */
  readonly place: number
  readonly streamId: StreamId
  readonly rejection: unknown
}> {
  /** The decider's rejection of that command. */
  declare readonly rejection: Rejection
  override get message() {
    return `Cannot execute command ${this.place}, on ${this.streamId}: ${rootMessage(this.rejection)}`
  }
}

/**
 * Builds the call of a command on the instance `id`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <Command, State, Event, Rejection>(
  aggregate: Aggregate.Aggregate<Command, State, Event, Rejection>,
  id: string,
  command: NoInfer<Command>
): CommandCall<State, Event, Rejection> => ({ [TypeId]: variance, aggregate, id, command })

const variance = {
  _State: (never: never) => never,
  _Event: (never: never) => never,
  _Rejection: (never: never) => never
}
