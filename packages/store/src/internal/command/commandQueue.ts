/**
 * Queues the commands of this host on each stream: while one is executed the others wait, and then
 * run as a batch, each decided on the state that the one before it leaves, in one append.
 *
 * So commands of one host never race each other, and one append takes as many of them as fit.
 */
import type { StreamId } from "@daybook/kernel/StreamId"
import type * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import { ParentSpan } from "effect/Tracer"
import * as Batcher from "../batch/batcher.ts"
import { inSpan } from "../driver/inSpan.ts"
import type { Identified } from "./decide.ts"
import type { Execute, ExecuteError, ExecuteOptions } from "./execute.ts"

/** The maximum number of commands in a batch, so that its events usually fit in one append. */
const MAX_COMMANDS = 500

/** The commands of one caller on a stream. */
interface Commands {
  readonly _tag: "Commands"
  readonly streamId: StreamId
  /** A batch has one aggregate, so that its commands agree on the types that are unknown here. */
  readonly aggregate: object
  readonly requests: ReadonlyArray<Identified<unknown>>
  readonly options: ExecuteOptions
  readonly context: Context.Context<never>
  /** Executes requests on the aggregate. */
  readonly execute: (
    requests: ReadonlyArray<Identified<unknown>>,
    options: ExecuteOptions
  ) => Effect.Effect<ReadonlyArray<unknown>, ExecuteError>
}

/** The turn of commands on several streams on one of them. */
interface Turn {
  readonly _tag: "Turn"
  readonly requests: ReadonlyArray<Identified<unknown>>
  readonly context: Context.Context<never>
  /** Takes the turns on the other streams, and then executes the commands. */
  readonly run: Effect.Effect<unknown, ExecuteError>
}

type Call = Commands | Turn

export interface CommandQueue {
  /** Executes commands on a stream, one call at a time for each stream. */
  readonly execute: Execute
  /**
   * Runs commands on several streams when they have the turn on all. Turns are taken in one order,
   * so that no two calls wait for each other.
   */
  readonly inTurns: <A>(
    streamIds: ReadonlyArray<StreamId>,
    requests: ReadonlyArray<Identified<unknown>>,
    run: Effect.Effect<A, ExecuteError>
  ) => Effect.Effect<A, ExecuteError>
}

/**
 * Makes the queue. `keep` counts commands that a batch executes after their caller was interrupted,
 * until the function that it returns is called.
 */
export const make = (
  execute: Execute,
  keep: (requests: ReadonlyArray<Identified<unknown>>) => () => void
): Effect.Effect<CommandQueue, never, Scope.Scope> =>
  Effect.map(
    Batcher.make<StreamId, Call, unknown, ExecuteError>({
      call: callAll,
      fitting,
      isOneItemsFault,
      keep: ({ requests }) => keep(requests)
    }),
    (batcher): CommandQueue => ({
      execute: (aggregate, streamId, requests, options) => {
        const own = (all: typeof requests, given: ExecuteOptions) =>
          execute(aggregate, streamId, all, given)
        return Effect.contextWith((context: Context.Context<never>) => {
          const call: Commands = {
            _tag: "Commands",
            streamId,
            aggregate,
            requests,
            options,
            context,
            // A batch has one aggregate, so its commands have the types here.
            execute: (all, given) => own(all as typeof requests, given)
          }
          // A lone call runs on its caller's fiber. The answers have the types of the aggregate.
          return batcher.runOrSubmit(streamId, call, own(requests, options)) as ReturnType<
            typeof own
          >
        })
      },
      inTurns: <A>(
        streamIds: ReadonlyArray<StreamId>,
        requests: ReadonlyArray<Identified<unknown>>,
        run: Effect.Effect<A, ExecuteError>
      ) =>
        Effect.contextWith((context: Context.Context<never>) =>
          streamIds.toSorted().reduceRight<Effect.Effect<A, ExecuteError>>(
            (run, streamId) =>
              // The answer is that of `run`.
              batcher.runOrSubmit(
                streamId,
                { _tag: "Turn", requests, context, run },
                run
              ) as typeof run,
            run
          )
        )
    })
  )

/**
 * Accepts the calls that can share a batch: of one aggregate, and without an expectation. That
 * concerns the stream before its own commands, so such a call runs alone, and so does a turn.
 */
const fitting = () => {
  let first: Call | undefined
  let commands = 0
  return (call: Call): boolean => {
    first ??= call
    commands += call.requests.length
    return (
      call._tag === "Commands" &&
      first._tag === "Commands" &&
      call.aggregate === first.aggregate &&
      commands <= MAX_COMMANDS &&
      call.options.expected._tag === "Any" &&
      first.options.expected._tag === "Any"
    )
  }
}

const callAll = (calls: Arr.NonEmptyReadonlyArray<Call>) => {
  const [first] = calls
  return first._tag === "Turn"
    ? Effect.map(Effect.updateContext(first.run, inContextOf(first)), (answer) => [
        Exit.succeed(answer)
      ])
    : // Only commands fit in a batch with commands.
      executeAll(calls as Arr.NonEmptyReadonlyArray<Commands>)
}

/** Executes the commands of several callers as one call, and gives each caller its own answers. */
const executeAll = (calls: Arr.NonEmptyReadonlyArray<Commands>) => {
  const [first] = calls
  const requests = calls.flatMap((call) => call.requests)
  const maxAttempts = Math.max(...calls.map(({ options }) => options.maxAttempts))
  return inBatchSpan(first.execute(requests, { ...first.options, maxAttempts }), calls).pipe(
    // In the context of its first caller, not that of the handler's opener, who may be in a
    // transaction.
    Effect.updateContext(inContextOf(first)),
    Effect.map((answers) => {
      let next = 0
      return calls.map((call) => Exit.succeed(answers.slice(next, (next += call.requests.length))))
    })
  )
}

/** Runs a batch in a root span that links to the spans of its callers. */
const inBatchSpan = <A, E>(
  effect: Effect.Effect<A, E>,
  calls: Arr.NonEmptyReadonlyArray<Commands>
): Effect.Effect<A, E> =>
  inSpan(effect, "CommandHandler.batch", () => ({
    attributes: {
      "daybook.stream": calls[0].streamId,
      "daybook.commands": calls.reduce((sum, { requests }) => sum + requests.length, 0)
    },
    links: calls.flatMap(({ context }) =>
      Option.match(Context.getOption(context, ParentSpan), {
        onNone: () => [],
        onSome: (span) => [{ span, attributes: {} }]
      })
    ),
    root: true
  }))

const inContextOf =
  ({ context }: Call): ((opener: Context.Context<never>) => Context.Context<never>) =>
  () =>
    context

/**
 * Returns true if one call of the batch may have made the others fail; nothing was recorded then.
 */
const isOneItemsFault = (cause: Cause.Cause<ExecuteError>): boolean => {
  const error = Cause.findErrorOption(cause)
  // A defect comes from a decider that threw.
  if (Option.isNone(error)) return true
  // A decode error may be about an event that one of them was to record, or about the stream.
  const ofOne = ["EventEncodeError", "EventDecodeError", "AppendRefused", "EventIdConflict"]
  return ofOne.includes(error.value._tag)
}
