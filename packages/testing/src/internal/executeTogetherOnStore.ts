/**
 * Runs an example of commands together through a command handler on a store.
 */
import * as Aggregates from "@daybook/kernel/Aggregate"
import type { Aggregate } from "@daybook/kernel/Aggregate"
import { decodeRecorded } from "@daybook/kernel/EventCodec"
import * as CommandCall from "@daybook/store/CommandCall"
import { CommandHandler } from "@daybook/store/CommandHandler"
import { EventStore } from "@daybook/store/EventStore"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { same } from "./differences.ts"
import { appendGiven } from "./executeOnStore.ts"

/** An aggregate of a call or a stream. Only the constructors of both build one, with its types. */
export type AnyAggregate = Aggregate<unknown, unknown, unknown, unknown>

/**
 * Stores the given events on fresh streams, executes the commands, and returns their answer. Dies
 * when the answer and the streams disagree.
 */
export const executeTogether = Effect.fnUntraced(function* ({
  given,
  when
}: {
  readonly given: ReadonlyArray<{
    readonly aggregate: object
    readonly id: string
    readonly events: ReadonlyArray<unknown>
  }>
  readonly when: ReadonlyArray<CommandCall.Any>
}) {
  const store = yield* EventStore
  const handler = yield* CommandHandler
  const run = SecureRandom.uuidV4Unsafe()
  const freshId = (id: string) => `${run}-${id}`
  for (const { aggregate, events, id } of given) {
    yield* appendGiven(aggregate as AnyAggregate, freshId(id), events)
  }
  const calls = when.map(({ aggregate, command, id }) =>
    CommandCall.make(aggregate as AnyAggregate, freshId(id), command)
  )
  const answers: Result.Result<
    ReadonlyArray<ReadonlyArray<unknown>>,
    CommandCall.CommandRejected<unknown>
  > = yield* handler.executeTogether(calls).pipe(
    Effect.map((all) => Result.succeed(all.map(({ events }) => events))),
    Effect.catchTag("CommandRejected", (rejected) => Effect.succeed(Result.fail(rejected)))
  )
  // The stored events count: each stream holds those of its answers after the given ones.
  for (const { aggregate, id } of [...given, ...when]) {
    const own = aggregate as AnyAggregate
    const streamId = yield* Effect.fromResult(Aggregates.streamId(own, freshId(id)))
    const recorded = yield* Stream.runCollect(store.read(streamId))
    const before = given.find((one) => one.aggregate === aggregate && one.id === id)
    const decoded = yield* Effect.forEach(recorded.slice(before?.events.length ?? 0), (event) =>
      Effect.fromResult(decodeRecorded(own.codec, event))
    )
    const added = decoded.flat()
    const told = when.flatMap((call, place) =>
      Result.isSuccess(answers) && call.aggregate === aggregate && call.id === id
        ? (answers.success[place] ?? [])
        : []
    )
    if (!same(added, told)) {
      return yield* Effect.die(
        new Error(`${told.length} events of ${id} were answered, and ${added.length} are stored`)
      )
    }
  }
  return answers
})
