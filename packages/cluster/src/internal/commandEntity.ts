/**
 * The entity of an aggregate: one volatile RPC, whose requests have their identities already, so
 * that a repeated delivery counts once.
 */
import { CommandId } from "@daybook/kernel/CommandId"
import { EventDecodeError, EventEncodeError } from "@daybook/kernel/EventCodec"
import { EventMetadata } from "@daybook/kernel/EventMetadata"
import { Position } from "@daybook/kernel/Position"
import { Revision } from "@daybook/kernel/Revision"
import { InvalidStreamId, StreamId } from "@daybook/kernel/StreamId"
import {
  type CommandError,
  type CommandHandler,
  CurrentMetadata,
  MaxAttempts
} from "@daybook/store/CommandHandler"
import {
  AppendRefused,
  EventIdConflict,
  EventStoreError,
  WrongExpectedRevision
} from "@daybook/store/EventStore"
import { ExpectedRevision } from "@daybook/store/ExpectedRevision"
import { Overloaded } from "@daybook/store/Overloaded"
import { rootMessage } from "@daybook/store/RootMessage"
import * as Entity from "effect/cluster/Entity"
import * as Effect from "effect/Effect"
import * as Rpc from "effect/rpc/Rpc"
import * as Schema from "effect/Schema"
import type { ClusterAggregate } from "../ClusterAggregate.ts"

/** An `EventStoreError` of the owner; its foreign cause does not cross, only its text. */
class OwnerStoreError extends Schema.TaggedError<OwnerStoreError>()("OwnerStoreError", {
  operation: Schema.String,
  reason: Schema.String
}) {}

const OwnerError = Schema.Union([
  InvalidStreamId,
  EventDecodeError,
  EventEncodeError,
  WrongExpectedRevision,
  EventIdConflict,
  AppendRefused,
  Overloaded,
  OwnerStoreError
])

/** Returns the owner's error for the network. */
const toOwnerError = (error: CommandError): typeof OwnerError.Type =>
  error._tag === "EventStoreError"
    ? new OwnerStoreError({ operation: error.operation, reason: rootMessage(error.cause) })
    : error

/** Returns the error that the caller's handler would have had. */
export const fromOwnerError = (error: typeof OwnerError.Type): CommandError =>
  error._tag === "OwnerStoreError"
    ? new EventStoreError({ operation: error.operation, cause: error.reason })
    : error

/** Makes the entity of an aggregate; the id of an entity is the id of the instance. */
export const make = <Command, State, Event, Rejection>({
  aggregate,
  command,
  event,
  rejection
}: ClusterAggregate<Command, State, Event, Rejection>) =>
  Entity.make(`daybook/${aggregate.category}`, [
    Rpc.make("executeAll", {
      payload: {
        requests: Schema.Array(
          Schema.Struct({ command, commandId: CommandId, occurredAt: Schema.DateTimeUtc })
        ),
        expected: ExpectedRevision,
        metadata: EventMetadata,
        // Infinity is allowed.
        maxAttempts: Schema.Number
      },
      success: Schema.Array(
        Schema.Result(
          Schema.Struct({
            streamId: StreamId,
            revision: Revision,
            position: Position,
            state: aggregate.state,
            events: Schema.Array(event),
            repeated: Schema.Boolean
          }),
          rejection
        )
      ),
      error: OwnerError
    })
  ])

/** Serves the entity by the handler of this host. */
export const serve = <Command, State, Event, Rejection>(
  given: ClusterAggregate<Command, State, Event, Rejection>,
  entity: ReturnType<typeof make<Command, State, Event, Rejection>>,
  local: CommandHandler["Service"],
  mailboxCapacity: number
) =>
  entity.toLayer(
    Effect.map(Entity.CurrentAddress, ({ entityId }) =>
      entity.of({
        executeAll: ({ payload }) =>
          local
            .executeAll(given.aggregate, entityId, payload.requests, {
              expected: payload.expected
            })
            .pipe(
              Effect.provideService(CurrentMetadata, payload.metadata),
              Effect.provideService(MaxAttempts, payload.maxAttempts),
              Effect.mapError(toOwnerError)
            )
      })
    ),
    // The handler's own queue gives the commands of a stream their turns and writes them together,
    // so the entity passes on all it has. A defect of a decider is its caller's answer and must not
    // end the entity.
    { concurrency: "unbounded", disableFatalDefects: true, mailboxCapacity }
  )
