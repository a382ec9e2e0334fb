/**
 * Runs an example of a specification through a command handler on a store.
 */
import * as Aggregates from "@daybook/kernel/Aggregate"
import type { Aggregate } from "@daybook/kernel/Aggregate"
import { decodeRecorded } from "@daybook/kernel/EventCodec"
import * as EventId from "@daybook/kernel/EventId"
import { CommandHandler } from "@daybook/store/CommandHandler"
import { EventStore } from "@daybook/store/EventStore"
import { noStream } from "@daybook/store/ExpectedRevision"
import * as Arr from "effect/Array"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"

/**
 * Stores the given events on a fresh stream, executes the command, and returns its answer as the
 * stream holds it. Dies when the answer and the stream disagree.
 */
export const executeOnStore = Effect.fnUntraced(function* <Command, State, Event, Rejection>(
  aggregate: Aggregate<Command, State, Event, Rejection>,
  { given, when }: { readonly given: ReadonlyArray<Event>; readonly when: Command }
) {
  const store = yield* EventStore
  const handler = yield* CommandHandler
  const id = SecureRandom.uuidV4Unsafe()
  const streamId = yield* Effect.fromResult(Aggregates.streamId(aggregate, id))
  yield* appendGiven(aggregate, id, given)
  // `executeAll` with one command returns a rejection as a value, apart from all other errors.
  const [answer] = yield* handler.executeAll(aggregate, id, [{ command: when }])
  const recorded = yield* Stream.runCollect(store.read(streamId))
  const decoded = yield* Effect.forEach(recorded.slice(given.length), (event) =>
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

/** Stores the given events on a fresh stream. */
export const appendGiven = Effect.fnUntraced(function* <Command, State, Event, Rejection>(
  aggregate: Aggregate<Command, State, Event, Rejection>,
  id: string,
  given: ReadonlyArray<Event>
) {
  const store = yield* EventStore
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
})
