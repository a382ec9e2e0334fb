/**
 * Commands of this host on one stream: while one is executed the others wait, and then go together, each
 * decided on the state that the one before it leaves, in one append.
 *
 * So commands of one host never race each other, and a stream takes as many at once as fit in an append.
 */
import type { StreamId } from "@daybook/kernel/StreamId"
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberSet from "effect/FiberSet"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import { ParentSpan } from "effect/Tracer"
import type { Identified } from "./decision.ts"
import type { ExecuteAll, ExecuteAllError, ExecuteOptions } from "./executeAll.ts"
import { inSpan } from "../driver/inSpan.ts"

/** How many commands go together at most, so that what they lead to mostly fits in one append. */
const MAX_COMMANDS = 500

/** The commands of one caller, which waits for their answers. */
interface Waiting {
  /** Only commands on the same aggregate go together: they agree on the types that are unknown here. */
  readonly aggregate: object
  readonly requests: ReadonlyArray<Identified<unknown>>
  readonly options: ExecuteOptions
  readonly context: Context.Context<never>
  /** Executes requests on the aggregate. */
  readonly execute: (
    requests: ReadonlyArray<Identified<unknown>>,
    options: ExecuteOptions
  ) => Effect.Effect<ReadonlyArray<unknown>, ExecuteAllError>
  readonly answer: (exit: Exit.Exit<ReadonlyArray<unknown>, ExecuteAllError>) => void
}

type Batch = Arr.NonEmptyReadonlyArray<Waiting>

/** The same function, one call at a time for each stream. */
export const make = (executeAll: ExecuteAll): Effect.Effect<ExecuteAll, never, Scope.Scope> =>
  Effect.gen(function* () {
    // Fibers of their own: a batch has several callers, of which any may go.
    const fork = yield* FiberSet.makeRuntime<never, void, never>()
    /** What waits for each stream that is busy. */
    const queues = new Map<StreamId, Array<Waiting>>()

    const serve = (streamId: StreamId, queue: Array<Waiting>): Effect.Effect<void> =>
      Effect.gen(function* () {
        for (let batch = take(queue); batch !== undefined; batch = take(queue)) {
          yield* executeBatch(streamId, batch)
        }
      })

    const next = (streamId: StreamId, queue: Array<Waiting>) => {
      if (queue.length === 0) {
        queues.delete(streamId)
        return
      }
      fork(serve(streamId, queue)).addObserver((exit) => {
        // It ends early only with its layer.
        if (Exit.isFailure(exit)) {
          queue.splice(0).forEach(({ answer }) => answer(Exit.failCause(exit.cause)))
        }
        next(streamId, queue)
      })
    }

    return (aggregate, streamId, requests, options) =>
      // A caller that goes between taking the stream and giving it back would keep it for ever.
      Effect.uninterruptibleMask((restore) =>
        Effect.contextWith((context: Context.Context<never>) => {
          const execute = (all: typeof requests, given: ExecuteOptions) =>
            executeAll(aggregate, streamId, all, given)
          // Looked up and taken, or joined, in one step: in between it could become nobody's.
          const busy = queues.get(streamId)
          if (busy === undefined) {
            const queue: Array<Waiting> = []
            queues.set(streamId, queue)
            // Alone it needs no fiber but its caller's.
            return Effect.ensuring(
              restore(execute(requests, options)),
              Effect.sync(() => next(streamId, queue))
            )
          }
          const answers: Deferred.Deferred<
            Answers<typeof execute>,
            ExecuteAllError
          > = Deferred.makeUnsafe()
          const waiting: Waiting = {
            aggregate,
            requests,
            options,
            context,
            // What goes together is on the same aggregate, so its commands and answers are of the types here.
            execute: (all, given) => execute(all as typeof requests, given),
            answer: (exit) =>
              Deferred.doneUnsafe(
                answers,
                exit as Exit.Exit<Answers<typeof execute>, ExecuteAllError>
              )
          }
          busy.push(waiting)
          return Effect.onInterrupt(restore(Deferred.await(answers)), () =>
            // Who goes before its commands were looked at takes them back.
            Effect.sync(() => {
              const place = busy.indexOf(waiting)
              if (place >= 0) busy.splice(place, 1)
            })
          )
        })
      )
  })

type Answers<F> = F extends (...args: never) => Effect.Effect<infer A, infer _E, infer _R>
  ? A
  : never

/** Takes the first to wait, and those behind it that can go with it. */
const take = (queue: Array<Waiting>): Batch | undefined => {
  const batch: Array<Waiting> = []
  let commands = 0
  while (true) {
    const waiting = queue[0]
    if (waiting === undefined) break
    commands += waiting.requests.length
    const fits =
      waiting.aggregate === batch[0]?.aggregate &&
      commands <= MAX_COMMANDS &&
      expectsNothing(waiting) &&
      expectsNothing(batch[0])
    if (batch.length > 0 && !fits) break
    batch.push(waiting)
    queue.shift()
  }
  return Arr.isArrayNonEmpty(batch) ? batch : undefined
}

/** Its caller's expectation is about the stream before its commands, so it goes alone. */
const expectsNothing = ({ options }: Waiting) => options.expected._tag === "Any"

const executeBatch = (streamId: StreamId, batch: Batch): Effect.Effect<void> => {
  const requests = batch.flatMap((waiting) => waiting.requests)
  const maxAttempts = Math.max(...batch.map(({ options }) => options.maxAttempts))
  const options = { ...batch[0].options, maxAttempts }
  return inBatchSpan(batch[0].execute(requests, options), streamId, batch).pipe(
    // As its first caller has it, and not as who opened the handler, perhaps inside of a transaction.
    Effect.updateContext(inContextOf(batch[0])),
    Effect.exit,
    Effect.flatMap((exit) => {
      if (batch.length > 1 && mayBeOfOne(exit)) {
        const [left, right] = Arr.splitAtNonEmpty(batch, Math.ceil(batch.length / 2))
        return Effect.andThen(
          executeBatch(streamId, left),
          Arr.isReadonlyArrayNonEmpty(right) ? executeBatch(streamId, right) : Effect.void
        )
      }
      let next = 0
      for (const waiting of batch) {
        const start = next
        next += waiting.requests.length
        waiting.answer(Exit.map(exit, (answers) => answers.slice(start, next)))
      }
      return Effect.void
    })
  )
}

/** A batch has several callers, so its span links to theirs and is in none of them. */
const inBatchSpan = <A, E>(
  effect: Effect.Effect<A, E>,
  streamId: StreamId,
  batch: Batch
): Effect.Effect<A, E> =>
  inSpan(effect, "CommandHandler.batch", () => ({
    attributes: {
      "daybook.stream": streamId,
      "daybook.commands": batch.reduce((sum, { requests }) => sum + requests.length, 0)
    },
    links: batch.flatMap(({ context }) =>
      Option.match(Context.getOption(context, ParentSpan), {
        onNone: () => [],
        onSome: (span) => [{ span, attributes: {} }]
      })
    ),
    root: true
  }))

const inContextOf =
  ({ context }: Waiting): ((opener: Context.Context<never>) => Context.Context<never>) =>
  () =>
    context

/** Whether one of several may be what the others failed for: nothing was recorded then. */
const mayBeOfOne = (exit: Exit.Exit<unknown, ExecuteAllError>): boolean => {
  if (Exit.isSuccess(exit) || Cause.hasInterrupts(exit.cause)) return false
  const error = Cause.findErrorOption(exit.cause)
  // A defect is that of a decider that threw.
  if (Option.isNone(error)) return true
  // What can't be decoded may be what one of them was about to record, or what the stream holds.
  const ofOne = ["EventEncodeError", "EventDecodeError", "AppendRefused", "EventIdConflict"]
  return ofOne.includes(error.value._tag)
}
