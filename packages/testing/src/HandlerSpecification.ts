/**
 * Runs specifications through a command handler on a store: stores the given events, executes the
 * command, and reads the recorded events back.
 *
 * @since 0.1.0
 */
import * as Aggregates from "@daybook/kernel/Aggregate"
import type { Aggregate } from "@daybook/kernel/Aggregate"
import { decodeRecorded } from "@daybook/kernel/EventCodec"
import * as EventId from "@daybook/kernel/EventId"
import { CommandHandler } from "@daybook/store/CommandHandler"
import { EventStore } from "@daybook/store/EventStore"
import { noStream } from "@daybook/store/ExpectedRevision"
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as Specification from "./Specification.ts"

/**
 * Runs every example through the handler, each on a stream of its own.
 *
 * **Details**
 * It takes the same specification as the decider. An example holds when the handler gives its
 * answer and the stream holds the given events followed by the expected ones. Errors:
 * `SpecificationFailed`, as of `Specification.check`.
 *
 * @category operations
 * @since 0.1.0
 */
export const check = Effect.fnUntraced(function* <Command, State, Event, Rejection>(
  aggregate: Aggregate<Command, State, Event, Rejection>,
  specification: Specification.Specification<Command, State, Event, Rejection>
): Effect.fn.Return<void, Specification.SpecificationFailed, CommandHandler | EventStore> {
  const failures = yield* Effect.forEach(Object.keys(specification.examples), (sentence) =>
    checkExample(aggregate, specification, sentence)
  )
  return yield* Effect.fromResult(
    Specification.conclude(
      specification,
      failures.filter((failure) => failure !== undefined)
    )
  )
})

/**
 * Runs one example through the handler; returns its failure, or `undefined` when it holds.
 *
 * @category operations
 * @since 0.1.0
 */
export const checkExample = Effect.fnUntraced(function* <Command, State, Event, Rejection>(
  aggregate: Aggregate<Command, State, Event, Rejection>,
  { examples }: Specification.Specification<Command, State, Event, Rejection>,
  sentence: string
): Effect.fn.Return<Specification.ExampleFailed | undefined, never, CommandHandler | EventStore> {
  const example = examples[sentence]
  if (example === undefined) return undefined
  const answer = yield* Effect.exit(run(aggregate, example))
  return Specification.compare(
    sentence,
    example,
    Exit.isSuccess(answer) ? Result.succeed(answer.value) : Result.fail(Cause.squash(answer.cause))
  )
})

const run = Effect.fnUntraced(function* <Command, State, Event, Rejection>(
  aggregate: Aggregate<Command, State, Event, Rejection>,
  { given, when }: Specification.Example<Command, Event, Rejection>
) {
  const store = yield* EventStore
  const handler = yield* CommandHandler
  const id = SecureRandom.uuidV4Unsafe()
  const streamId = yield* Effect.fromResult(Aggregates.streamId(aggregate, id))
  const occurredAt = yield* DateTime.now
  const events = yield* Effect.forEach(given, (event) =>
    Effect.map(Effect.fromResult(aggregate.codec.encode(event)), (encoded) => ({
      ...encoded,
      id: EventId.make(SecureRandom.uuidV4Unsafe()),
      metadata: {},
      occurredAt
    }))
  )
  if (Arr.isArrayNonEmpty(events)) yield* store.append({ streamId, expected: noStream, events })
  // `executeAll` with one command returns a rejection as a value, apart from all other errors.
  const [answer] = yield* handler.executeAll(aggregate, id, [{ command: when }])
  const recorded = yield* Stream.runCollect(store.read(streamId))
  const decoded = yield* Effect.forEach(recorded.slice(events.length), (event) =>
    Effect.fromResult(decodeRecorded(aggregate.codec, event))
  )
  const added = decoded.flat()
  if (answer === undefined) return yield* Effect.die(new Error("the command has no answer"))
  if (Result.isFailure(answer)) {
    return added.length === 0
      ? Result.fail(answer.failure)
      : yield* Effect.die(new Error(`a rejected command recorded ${added.length} events`))
  }
  // The stored events count. A caller can't rely on an answer that lists more events or fewer.
  const told = answer.success.events
  if (told.length !== added.length) {
    return yield* Effect.die(
      new Error(`${told.length} events were answered, and ${added.length} are stored`)
    )
  }
  return Result.succeed(added)
})
