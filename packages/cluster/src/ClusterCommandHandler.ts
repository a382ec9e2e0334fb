/**
 * A command handler that sends the commands of a stream to the one host that owns it, where the
 * cached state and the batches of a stream are strongest.
 *
 * Laws:
 *
 * 1. The owner is a hint. Two hosts that both believe they own a stream do no harm: the expected
 *    revision of the append decides.
 * 2. A command id counts once, however often the command is delivered and by whom it is executed.
 *
 * @since 0.1.0
 */
import * as Aggregate from "@daybook/kernel/Aggregate"
import * as CommandId from "@daybook/kernel/CommandId"
import {
  type CommandError,
  CommandHandler,
  CurrentMetadata,
  type Executed,
  type ExpectOptions,
  MaxAttempts,
  type Request
} from "@daybook/store/CommandHandler"
import { EventStore, EventStoreError } from "@daybook/store/EventStore"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Sharding from "effect/cluster/Sharding"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Data from "effect/Data"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type { ClusterAggregate } from "./ClusterAggregate.ts"
import * as CommandEntity from "./internal/commandEntity.ts"

/**
 * No owner of the stream answered in time. The command may have been recorded: repeat it with the
 * same id. It is the cause of an `EventStoreError`.
 *
 * @category errors
 * @since 0.1.0
 */
export class OwnerUnreachable extends Data.TaggedError("OwnerUnreachable")<{
  readonly streamId: string
  readonly waitedMillis: number
}> {
  override get message() {
    return `No owner of ${this.streamId} answered within ${this.waitedMillis} ms`
  }
}

type Answers<State, Event, Rejection> = ReadonlyArray<
  Result.Result<Executed<State, Event>, Rejection>
>

type Route<Command, State, Event, Rejection> = (
  id: string,
  requests: ReadonlyArray<Request<Command>>,
  options: ExpectOptions
) => Effect.Effect<Answers<State, Event, Rejection>, CommandError>

/**
 * Sends the commands on `aggregates` to the owners of their streams, and executes them here when
 * this host owns them.
 *
 * **Details**
 * Uses the `CommandHandler` of this host, which needs `CachedStreams` to profit. Commands on other
 * aggregates, commands in the caller's transaction, `executeTogether`, `load`, `loadAt` and
 * `history` run on this host. A command whose owner dies or whose mailbox is full is sent again
 * with the same id for `answerWithinMillis`, 30,000 by default, then fails with an
 * `EventStoreError` whose cause is {@link OwnerUnreachable}. A host that left executes its own
 * callers' commands itself.
 * Shape: `mailboxCapacity` is the number of calls that wait for one stream's owner, 1,024 by
 * default.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: {
  // The parts of an aggregate are invariant, so no one type but `any` stands for all of them.
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly aggregates: ReadonlyArray<ClusterAggregate<any, any, any, any>>
  readonly answerWithinMillis?: number
  readonly mailboxCapacity?: number
}): Layer.Layer<CommandHandler, never, CommandHandler | EventStore | Sharding.Sharding> =>
  Layer.unwrap(
    Effect.gen(function* () {
      const local = yield* CommandHandler
      const store = yield* EventStore
      const { aggregates, answerWithinMillis = 30_000, mailboxCapacity = 1024 } = options
      const routes = new Map<unknown, Route<unknown, unknown, unknown, unknown>>()
      let served: Layer.Layer<never, never, Sharding.Sharding> = Layer.empty
      for (const given of aggregates) {
        const entity = CommandEntity.make<unknown, unknown, unknown, unknown>(given)
        served = Layer.merge(served, CommandEntity.serve(given, entity, local, mailboxCapacity))
        routes.set(given.aggregate, yield* route(given, entity, { answerWithinMillis, local }))
      }
      const executeAll = <Command, State, Event, Rejection>(
        aggregate: Aggregate.Aggregate<Command, State, Event, Rejection>,
        id: string,
        requests: ReadonlyArray<Request<Command>>,
        given: ExpectOptions = {}
      ): Effect.Effect<Answers<State, Event, Rejection>, CommandError> => {
        // The map has the route of this very aggregate, so its types are those of the aggregate.
        const sent = routes.get(aggregate) as Route<Command, State, Event, Rejection> | undefined
        // An invalid request is refused here, with the same error as without a cluster.
        const isLocal =
          sent === undefined ||
          requests.some(({ commandId }) => commandId !== undefined && !isCommandId(commandId)) ||
          Aggregate.streamId(aggregate, id)._tag === "Failure"
        if (isLocal) return local.executeAll(aggregate, id, requests, given)
        return Effect.flatMap(store.inTransaction, (isInside) =>
          isInside ? local.executeAll(aggregate, id, requests, given) : sent(id, requests, given)
        )
      }
      return Layer.succeed(
        CommandHandler,
        CommandHandler.of({
          ...local,
          executeAll,
          execute: (aggregate, id, command, given) =>
            Effect.flatMap(
              executeAll(aggregate, id, [{ ...given, command }], given),
              // One request has one answer.
              (answers) => Effect.fromResult(Arr.getUnsafe(answers, 0))
            )
        })
      ).pipe(Layer.merge(served))
    })
  )

const isCommandId = Schema.is(CommandId.CommandId)

/** Sends the commands on one aggregate to their owners. */
const route = <Command, State, Event, Rejection>(
  given: ClusterAggregate<Command, State, Event, Rejection>,
  entity: ReturnType<typeof CommandEntity.make<Command, State, Event, Rejection>>,
  {
    answerWithinMillis,
    local
  }: { readonly answerWithinMillis: number; readonly local: CommandHandler["Service"] }
): Effect.Effect<Route<Command, State, Event, Rejection>, never, Sharding.Sharding> =>
  Effect.map(
    Effect.all([entity.client, Sharding.Sharding]),
    ([client, sharding]): Route<Command, State, Event, Rejection> =>
      Effect.fnUntraced(function* (id, requests, { expected = ExpectedRevision.any }) {
        const now = yield* DateTime.now
        // Drawn here, once: each delivery of the command has the same id and time.
        const identified = requests.map(({ command, commandId, occurredAt = now }) => ({
          command,
          commandId: commandId ?? CommandId.make(SecureRandom.uuidV4Unsafe()),
          occurredAt
        }))
        const sent = client(id).executeAll({
          requests: identified,
          expected,
          metadata: yield* CurrentMetadata,
          maxAttempts: yield* MaxAttempts
        })
        const here = local.executeAll(given.aggregate, id, identified, { expected })
        // After this host has left, its client ends every call with an interruption.
        const sending = Effect.andThen(
          Effect.flatMap(sharding.isShutdown, (hasLeft) =>
            hasLeft ? Effect.fail(new HostLeft()) : Effect.void
          ),
          sent
        )
        return yield* sending.pipe(
          // An owner that leaves interrupts what it has begun; the next owner gives the answer.
          Effect.catchCauseIf(Cause.hasInterruptsOnly, () => Effect.fail(new OwnerLeft())),
          Effect.retry({
            while: ({ _tag }) =>
              _tag === "OwnerLeft" || _tag === "MailboxFull" || _tag === "AlreadyProcessingMessage",
            schedule: Schedule.spaced("20 millis")
          }),
          Effect.timeoutOption(Duration.millis(answerWithinMillis)),
          Effect.flatMap((answered) =>
            answered._tag === "Some"
              ? Effect.succeed(answered.value)
              : Effect.fail(unreachable(given.aggregate.category, id, answerWithinMillis))
          ),
          Effect.catchTags({
            // A host outside of the cluster no longer knows the owners.
            EntityNotAssignedToRunner: () => here,
            HostLeft: () => here,
            OwnerStoreError: (error) => Effect.fail(CommandEntity.fromOwnerError(error)),
            // The retries above have no end but the timeout.
            OwnerLeft: Effect.die,
            MailboxFull: Effect.die,
            AlreadyProcessingMessage: Effect.die,
            // Volatile calls store nothing.
            PersistenceError: Effect.die
          })
        )
      })
  )

/** The owner left before it answered. */
class OwnerLeft extends Data.TaggedError("OwnerLeft") {}

/** This host left the cluster. */
class HostLeft extends Data.TaggedError("HostLeft") {}

const unreachable = (category: string, id: string, waitedMillis: number) =>
  new EventStoreError({
    operation: "execute",
    cause: new OwnerUnreachable({ streamId: `${category}-${id}`, waitedMillis })
  })
