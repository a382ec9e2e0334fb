/**
 * The pure decisions of several commands on several streams that are recorded all or none.
 */
import * as Aggregate from "@daybook/kernel/Aggregate"
import type { EventDecodeError, EventEncodeError } from "@daybook/kernel/EventCodec"
import type { NewEvent } from "@daybook/kernel/NewEvent"
import type { Position } from "@daybook/kernel/Position"
import type { InvalidStreamId, StreamId } from "@daybook/kernel/StreamId"
import * as Arr from "effect/Array"
import * as Result from "effect/Result"
import { type Any, CommandRejected } from "../../CommandCall.ts"
import type { Executed } from "../../CommandHandler.ts"
import { type Appended, AppendRefused } from "../../EventStore.ts"
import { decideAll, type Identified } from "./decide.ts"
import { partId } from "./eventId.ts"
import type { LoadedStream } from "./fold.ts"

/** An aggregate whose types are those of the calls that name it, unknown here. */
type AnyAggregate = Aggregate.Aggregate<unknown, unknown, unknown, unknown>

export type Loaded = LoadedStream<unknown, unknown>

type Answer = Executed<unknown, unknown>

/** The commands of a call on one stream, in their order. */
export interface Part {
  readonly aggregate: AnyAggregate
  readonly streamId: StreamId
  readonly requests: Arr.NonEmptyReadonlyArray<Identified<unknown>>
  /** The places of the requests in the call, from 0. */
  readonly places: ReadonlyArray<number>
}

export type Parts = Arr.NonEmptyReadonlyArray<Part>

/**
 * Groups calls by their streams, in the order of the first call on each.
 *
 * A stream has one aggregate, since two folds of it would not see each other's events.
 */
export const partsOf = (
  calls: Arr.NonEmptyReadonlyArray<Any>,
  identify: (
    streamId: StreamId
  ) => Result.Result<Omit<Identified<unknown>, "command">, AppendRefused>
): Result.Result<Parts, InvalidStreamId | AppendRefused> =>
  Result.gen(function* () {
    const groups = new Map<
      StreamId,
      { readonly aggregate: AnyAggregate; readonly of: Array<{ place: number; command: unknown }> }
    >()
    for (const [place, { aggregate: given, command, id }] of calls.entries()) {
      // Only `CommandCall.make` builds calls, from an aggregate and one of its commands.
      const aggregate = given as AnyAggregate
      const streamId = yield* Aggregate.streamId(aggregate, id)
      const group = groups.get(streamId)
      if (group === undefined) groups.set(streamId, { aggregate, of: [{ place, command }] })
      else if (group.aggregate === aggregate) group.of.push({ place, command })
      else {
        return yield* Result.fail(
          new AppendRefused({ streamId, reason: { _tag: "RepeatedStream" } })
        )
      }
    }
    const streamIds = Array.from(groups.keys())
    const identity = yield* identify(Arr.getUnsafe(streamIds, 0))
    const namespaces: Array<string> = []
    const namespaceOf = (index: number) =>
      (namespaces[index] ??= partId(identity.commandId, streamIds, index))
    const parts = Array.from(groups, ([streamId, { aggregate, of }]) => ({
      aggregate,
      streamId,
      places: of.map(({ place }) => place),
      // A group begins with a command.
      requests: of.map(({ command }, index) => ({
        ...identity,
        command,
        namespace: namespaceOf(index)
      })) as [Identified<unknown>, ...Array<Identified<unknown>>]
    }))
    // There is a call, so there is a part.
    return parts as unknown as Parts
  })

/** The decision on all commands together, on the states of their streams. */
export type Decision =
  /** A command is in the log, and so all of them are. */
  | { readonly _tag: "Recorded" }
  | {
      readonly _tag: "Refused"
      readonly part: Part
      readonly error: CommandRejected<unknown> | EventEncodeError | EventDecodeError
    }
  /** One decision a part. */
  | { readonly _tag: "Accepted"; readonly decided: ReadonlyArray<DecidedPart> }

/** The accepted commands of a part, and the events to append to its stream. */
export interface DecidedPart {
  readonly answers: ReadonlyArray<Answer>
  readonly events: ReadonlyArray<NewEvent>
  readonly state: unknown
}

/** Decides the commands of all parts, each part on its own stream. */
export const decideTogether = (parts: Parts, loaded: ReadonlyArray<Loaded>): Decision => {
  if (loaded.some(({ progress }) => progress.found.size > 0)) return { _tag: "Recorded" }
  const decided: Array<DecidedPart> = []
  let first: { readonly part: Part; readonly error: CommandRejected<unknown> } | undefined
  for (const [index, part] of parts.entries()) {
    const { aggregate, places, requests, streamId } = part
    const one = decideAll(aggregate, Arr.getUnsafe(loaded, index).progress, requests)
    if (Result.isFailure(one)) return { _tag: "Refused", part, error: one.failure }
    const { events, state } = one.success
    const answers: Array<Answer> = []
    for (const [nth, answer] of one.success.answers.entries()) {
      const place = Arr.getUnsafe(places, nth)
      if (Result.isSuccess(answer)) answers.push(answer.success)
      else if (first === undefined || place < first.error.place) {
        const rejection = answer.failure
        first = { part, error: new CommandRejected({ place, streamId, rejection }) }
      }
    }
    decided.push({ answers, events, state })
  }
  return first === undefined ? { _tag: "Accepted", decided } : { _tag: "Refused", ...first }
}

/** Returns true if a decision has events to append. */
const appends = (decision: Decision): boolean =>
  decision._tag === "Accepted" && decision.decided.some(({ events }) => events.length > 0)

/**
 * Returns the places of the parts whose streams must be read to their ends before the decision
 * counts.
 *
 * An append proves the state of each stream that it writes, and with its check the revision of each
 * other one, but not that the event at this revision is still the one that a cached state saw.
 */
export const stale = (decision: Decision, loaded: ReadonlyArray<Loaded>): ReadonlyArray<number> =>
  loaded.flatMap(({ current }, index) =>
    current || (appends(decision) && eventsOf(decision, index) > 0) ? [] : [index]
  )

/**
 * Returns true if the command must be looked up before the decision counts, since no append shows
 * that it is new: the stream of a part that records no event for one of its commands may hold
 * events of the first execution. A decision that appends nothing saw its streams at different
 * moments, between which the command may have been executed.
 */
export const needsLookup = (decision: Decision, loaded: ReadonlyArray<Loaded>): boolean => {
  const isComplete = loaded.every(({ complete }) => complete)
  if (decision._tag !== "Accepted" || !appends(decision)) return !isComplete || loaded.length > 1
  return loaded.some(
    ({ complete }, index) =>
      !complete &&
      Arr.getUnsafe(decision.decided, index).answers.some(({ events }) => events.length === 0)
  )
}

const eventsOf = (decision: Decision, index: number): number =>
  decision._tag === "Accepted" ? Arr.getUnsafe(decision.decided, index).events.length : 0

/**
 * Returns the answers of each part after the append: all at its last position, so that a wait for
 * any of them is a wait for the whole. Without an append each has the position of its own stream.
 */
export const placed = (
  decided: ReadonlyArray<DecidedPart>,
  appended: ReadonlyArray<Appended | undefined>
): ReadonlyArray<ReadonlyArray<Answer>> => {
  let last: Position | undefined
  for (const one of appended) {
    if (one !== undefined && (last === undefined || one.position > last)) last = one.position
  }
  return decided.map(({ answers }) =>
    answers.map((answer) => ({ ...answer, position: last ?? answer.position }))
  )
}

/** Returns the answers of all parts in the order of the calls. */
export const inOrder = (
  parts: Parts,
  answers: ReadonlyArray<ReadonlyArray<Answer>>
): ReadonlyArray<Answer> => {
  const ordered: Array<Answer> = []
  for (const [index, { places }] of parts.entries()) {
    for (const [nth, place] of places.entries()) {
      ordered[place] = Arr.getUnsafe(Arr.getUnsafe(answers, index), nth)
    }
  }
  return ordered
}

/** The positions of the first and the last event that a command recorded on several streams. */
export interface Extent {
  readonly first: Position
  readonly last: Position
}

/** Returns the extent of the recorded command; undefined if no stream holds it. */
export const extentOf = (loaded: ReadonlyArray<Loaded>): Extent | undefined => {
  const found = loaded.flatMap(({ progress }) => Array.from(progress.found.values()))
  return Arr.isReadonlyArrayNonEmpty(found)
    ? {
        first: found.reduce((least, { first }) => (first < least ? first : least), found[0].first),
        last: found.reduce(
          (most, { answer }) => (answer.position > most ? answer.position : most),
          found[0].answer.position
        )
      }
    : undefined
}

/** Returns true if each command of the part recorded events, so that the fold holds its answer. */
export const isFound = ({ requests }: Part, { found }: Loaded["progress"]): boolean =>
  requests.every(({ namespace }) => found.has(namespace))

/**
 * Returns the first answers of a part. A command that recorded nothing saw the state that the one
 * before it left: the first of them, the state `before` the append.
 */
export const firstAnswers = (
  { requests, streamId }: Part,
  { found }: Loaded["progress"],
  before: Pick<Loaded["progress"], "revision" | "state">,
  { last: position }: Extent
): ReadonlyArray<Answer> => {
  let { revision, state } = before
  return requests.map(({ namespace }) => {
    const answer = found.get(namespace)?.answer
    if (answer !== undefined) ({ revision, state } = answer)
    return { streamId, revision, position, state, events: answer?.events ?? [], repeated: true }
  })
}
