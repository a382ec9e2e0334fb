/**
 * Queues the commands of this host on each stream: while one is executed the others wait, and then
 * run as a batch, each decided on the state that the one before it leaves, in one append.
 *
 * So commands of one host never race each other, and one append takes as many of them as fit.
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
import type { Identified } from "./decide.ts"
import type { Transact, TransactError, TransactOptions } from "./transact.ts"
import { inSpan } from "../driver/inSpan.ts"

/** The maximum number of commands in a batch, so that its events usually fit in one append. */
const MAX_COMMANDS = 500

/** The commands of one caller, which waits for their answers. */
interface Waiting {
  /** A batch has one aggregate, so that its commands agree on the types that are unknown here. */
  readonly aggregate: object
  readonly requests: ReadonlyArray<Identified<unknown>>
  readonly options: TransactOptions
  readonly context: Context.Context<never>
  /** Executes requests on the aggregate. */
  readonly execute: (
    requests: ReadonlyArray<Identified<unknown>>,
    options: TransactOptions
  ) => Effect.Effect<ReadonlyArray<unknown>, TransactError>
  readonly answer: (exit: Exit.Exit<ReadonlyArray<unknown>, TransactError>) => void
}

type Batch = Arr.NonEmptyReadonlyArray<Waiting>

/**
 * Returns the same function with one call at a time for each stream. `keep` counts commands that a
 * batch executes after their caller was interrupted, until the function that it returns is called.
 */
export const make = (
  transact: Transact,
  keep: (requests: ReadonlyArray<Identified<unknown>>) => () => void
): Effect.Effect<Transact, never, Scope.Scope> =>
  Effect.gen(function* () {
    // Batches run on fibers of their own, since any of their callers may be interrupted.
    const fork = yield* FiberSet.makeRuntime<never, void, never>()
    /** The waiting commands of each busy stream. */
    const queues = new Map<StreamId, Set<Waiting>>()

    const serve = (streamId: StreamId, queue: Set<Waiting>): Effect.Effect<void> =>
      Effect.gen(function* () {
        for (let batch = take(queue); batch !== undefined; batch = take(queue)) {
          yield* executeBatch(streamId, batch)
        }
      })

    const next = (streamId: StreamId, queue: Set<Waiting>) => {
      if (queue.size === 0) {
        queues.delete(streamId)
        return
      }
      fork(serve(streamId, queue)).addObserver((exit) => {
        // The fiber fails only when its layer closes.
        if (Exit.isFailure(exit)) {
          queue.forEach(({ answer }) => answer(Exit.failCause(exit.cause)))
          queue.clear()
        }
        next(streamId, queue)
      })
    }

    return (aggregate, streamId, requests, options) =>
      // A caller interrupted between taking the stream and releasing it would hold it for ever.
      Effect.uninterruptibleMask((restore) =>
        Effect.contextWith((context: Context.Context<never>) => {
          const execute = (all: typeof requests, given: TransactOptions) =>
            transact(aggregate, streamId, all, given)
          // Looks the queue up and takes or joins it in one step: in between, its owner could
          // release it.
          const busy = queues.get(streamId)
          if (busy === undefined) {
            const queue = new Set<Waiting>()
            queues.set(streamId, queue)
            // A lone command runs on its caller's fiber.
            return Effect.ensuring(
              restore(execute(requests, options)),
              Effect.sync(() => next(streamId, queue))
            )
          }
          const answers: Deferred.Deferred<
            Answers<typeof execute>,
            TransactError
          > = Deferred.makeUnsafe()
          let isAnswered = false
          let release: (() => void) | undefined
          const waiting: Waiting = {
            aggregate,
            requests,
            options,
            context,
            // A batch has one aggregate, so its commands and answers have the types here.
            execute: (all, given) => execute(all as typeof requests, given),
            answer: (exit) => {
              isAnswered = true
              release?.()
              Deferred.doneUnsafe(
                answers,
                exit as Exit.Exit<Answers<typeof execute>, TransactError>
              )
            }
          }
          busy.add(waiting)
          return Effect.onInterrupt(restore(Deferred.await(answers)), () =>
            // An interrupted caller withdraws its commands if no batch has taken them yet.
            Effect.sync(() => {
              if (!busy.delete(waiting) && !isAnswered) release = keep(requests)
            })
          )
        })
      )
  })

type Answers<F> = F extends (...args: never) => Effect.Effect<infer A, infer _E, infer _R>
  ? A
  : never

/** Takes the first waiting call, and those after it that can share its batch. */
const take = (queue: Set<Waiting>): Batch | undefined => {
  const batch: Array<Waiting> = []
  let commands = 0
  for (const waiting of queue) {
    commands += waiting.requests.length
    const fits =
      waiting.aggregate === batch[0]?.aggregate &&
      commands <= MAX_COMMANDS &&
      expectsNothing(waiting) &&
      expectsNothing(batch[0])
    if (batch.length > 0 && !fits) break
    batch.push(waiting)
    queue.delete(waiting)
  }
  return Arr.isArrayNonEmpty(batch) ? batch : undefined
}

/**
 * Returns true if the caller expects nothing of the stream. An expectation concerns the stream
 * before its own commands, so such a call runs alone.
 */
const expectsNothing = ({ options }: Waiting) => options.expected._tag === "Any"

const executeBatch = (streamId: StreamId, batch: Batch): Effect.Effect<void> => {
  const requests = batch.flatMap((waiting) => waiting.requests)
  const maxAttempts = Math.max(...batch.map(({ options }) => options.maxAttempts))
  const options = { ...batch[0].options, maxAttempts }
  return inBatchSpan(batch[0].execute(requests, options), streamId, batch).pipe(
    // In the context of its first caller, not that of the handler's opener, who may be in a
    // transaction.
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

/** Runs a batch in a root span that links to the spans of its callers. */
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

/**
 * Returns true if one call of the batch may have made the others fail; nothing was recorded then.
 */
const mayBeOfOne = (exit: Exit.Exit<unknown, TransactError>): boolean => {
  if (Exit.isSuccess(exit) || Cause.hasInterrupts(exit.cause)) return false
  const error = Cause.findErrorOption(exit.cause)
  // A defect comes from a decider that threw.
  if (Option.isNone(error)) return true
  // A decode error may be about an event that one of them was to record, or about the stream.
  const ofOne = ["EventEncodeError", "EventDecodeError", "AppendRefused", "EventIdConflict"]
  return ofOne.includes(error.value._tag)
}
