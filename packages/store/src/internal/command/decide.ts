/**
 * The pure decisions of the command handler: decides requests on the state of a folded stream, and
 * finds the proof that a decision lacks.
 */
import type { Aggregate } from "@daybook/kernel/Aggregate"
import type { CommandId } from "@daybook/kernel/CommandId"
import { EventDecodeError, type EventEncodeError } from "@daybook/kernel/EventCodec"
import type { EventMetadata } from "@daybook/kernel/EventMetadata"
import type { NewEvent } from "@daybook/kernel/NewEvent"
import * as Position from "@daybook/kernel/Position"
import * as Revision from "@daybook/kernel/Revision"
import type * as DateTime from "effect/DateTime"
import * as Result from "effect/Result"
import type { Executed } from "../../CommandHandler.ts"
import * as ExpectedRevision from "../../ExpectedRevision.ts"
import { eventId } from "./eventId.ts"
import type { FoldProgress, LoadedStream } from "./fold.ts"

/** A request with its random and clock values drawn. */
export interface Identified<out Command> {
  readonly command: Command
  readonly commandId: CommandId
  /** The UUID from which the ids of its events derive; see `eventId`. */
  readonly namespace: string
  readonly occurredAt: DateTime.Utc
  readonly metadata: EventMetadata
  /** True if the caller supplied the command id, so that it may have been executed before. */
  readonly callerSuppliedId: boolean
}

/**
 * The answers to requests, the events that must be appended to the folded stream to make them true,
 * and the resulting state. The positions of the answers are those before the append; see `placed`.
 */
export interface Decided<State, Event, Rejection> {
  readonly answers: ReadonlyArray<Result.Result<Executed<State, Event>, Rejection>>
  readonly events: ReadonlyArray<NewEvent>
  readonly state: State
}

/** Decides requests one after the other, each in the state that those before it leave. */
export const decideAll = <Command, State, Event, Rejection>(
  { codec, decider }: Aggregate<Command, State, Event, Rejection>,
  progress: FoldProgress<State, Event>,
  requests: ReadonlyArray<Identified<Command>>
): Result.Result<Decided<State, Event, Rejection>, EventEncodeError | EventDecodeError> => {
  const answers: Array<Result.Result<Executed<State, Event>, Rejection>> = []
  const appended: Array<NewEvent> = []
  const executedNow = new Map<string, Executed<State, Event>>()
  let { state } = progress
  for (const { command, commandId, metadata, namespace, occurredAt } of requests) {
    const repeated = progress.found.get(namespace)?.answer ?? executedNow.get(namespace)
    if (repeated !== undefined) {
      answers.push(Result.succeed(repeated))
      continue
    }
    const decided = decider.decide(command, state)
    if (Result.isFailure(decided)) {
      answers.push(Result.fail(decided.failure))
      continue
    }
    const events: Array<Event> = []
    for (const [index, event] of decided.success.entries()) {
      const encoded = codec.encode(event)
      if (Result.isFailure(encoded)) return Result.fail(encoded.failure)
      const fresh: NewEvent = {
        ...encoded.success,
        id: eventId(namespace, progress.streamId, index),
        metadata: { ...metadata, commandId },
        occurredAt
      }
      appended.push(fresh)
      // The decider's event may hold more than is stored. Every fold of the log sees the stored
      // event, so answers, caches and snapshots use that one.
      const decoded = codec.decode(encoded.success)
      if (Result.isFailure(decoded)) {
        const { streamId } = progress
        const revision = Revision.make(progress.revision + appended.length)
        const address = { ...fresh, streamId, revision, position: Position.start }
        return Result.fail(EventDecodeError.at(codec.name, address, decoded.failure))
      }
      for (const stored of decoded.success) {
        state = decider.evolve(state, stored)
        events.push(stored)
      }
    }
    const executed: Executed<State, Event> = {
      streamId: progress.streamId,
      revision: Revision.make(progress.revision + appended.length),
      position: progress.position,
      state,
      events,
      repeated: false
    }
    answers.push(Result.succeed(executed))
    if (decided.success.length > 0) executedNow.set(namespace, { ...executed, repeated: true })
  }
  return Result.succeed({ answers, events: appended, state })
}

/** A decision on requests, or the reason why the codec has none. */
export type Decision<State, Event, Rejection> = Result.Result<
  Decided<State, Event, Rejection>,
  EventEncodeError | EventDecodeError
>

/**
 * Returns the proof that a decision needs and its stream lacks, if any.
 *
 * An append proves both: it succeeds only on a stream at the revision of the state, and only with
 * ids that are new. So proofs are needed for commands that append nothing, and for a stream that is
 * not as the caller expects.
 */
export const proofLacking = <State, Event, Rejection>(
  decision: Decision<State, Event, Rejection>,
  { complete, current, progress }: LoadedStream<State, Event>,
  expected: ExpectedRevision.ExpectedRevision
): "current" | "complete" | undefined => {
  const isMet = ExpectedRevision.isMet(expected, progress.revision)
  if (!current && !(isMet && appends(decision))) return "current"
  if (!complete && !(isMet && appendsForEach(decision))) return "complete"
  return undefined
}

/**
 * Returns true if the stream is at another revision than the caller expects, and the call is not a
 * repetition: if one of its commands is recorded, the stream was as expected when it first came.
 */
export const isUnexpected = <State, Event, Rejection>(
  decision: Decision<State, Event, Rejection>,
  revision: Revision.Revision,
  expected: ExpectedRevision.ExpectedRevision
): boolean =>
  !ExpectedRevision.isMet(expected, revision) && (appends(decision) || !isRepeated(decision))

const appends = <State, Event, Rejection>(decision: Decision<State, Event, Rejection>): boolean =>
  Result.isSuccess(decision) && decision.success.events.length > 0

/** Returns true if each command has events, so that an append shows whether it is new. */
const appendsForEach = <State, Event, Rejection>(
  decision: Decision<State, Event, Rejection>
): boolean =>
  Result.isSuccess(decision) &&
  decision.success.answers.every(
    (answer) => Result.isSuccess(answer) && answer.success.events.length > 0
  )

/** Returns true if a command was recorded before. */
const isRepeated = <State, Event, Rejection>(
  decision: Decision<State, Event, Rejection>
): boolean =>
  Result.isSuccess(decision) &&
  decision.success.answers.some((answer) => Result.isSuccess(answer) && answer.success.repeated)

/** Returns the answers after the events decided at `revision` were recorded up to `position`. */
export const placed = <State, Event, Rejection>(
  answers: ReadonlyArray<Result.Result<Executed<State, Event>, Rejection>>,
  revision: Revision.Revision,
  position: Position.Position
): ReadonlyArray<Result.Result<Executed<State, Event>, Rejection>> =>
  answers.map((answer) =>
    Result.map(answer, (executed) =>
      executed.revision > revision ? { ...executed, position } : executed
    )
  )
