/**
 * Batches calls that write several streams, each all or none: those that arrive while others are
 * being written wait, and go together in the next call of the database.
 *
 * That call again writes all or none, so it holds no stream twice. If it writes none, because one
 * of its streams has another writer or is not as expected, each of its calls is written on its own
 * by its caller, outside of the lane.
 */
import type { StreamId } from "@daybook/kernel/StreamId"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import type { SqlError } from "effect/sql/SqlError"
import type { EncodedAppend } from "../../../driver/EventStoreDriver.ts"
import { type Appended, MAX_EVENTS } from "../../../EventStore.ts"
import * as Batcher from "../../batch/batcher.ts"
import { FEW_STREAMS } from "../schema/sqlParts.ts"
import { CAPACITY, FAST_LANES, isOneItemsFault, MAX_CHARACTERS } from "./appendLanes.ts"
import type { Refusal } from "./callAppend.ts"
import type { Written } from "./callTryAppend.ts"

/** The appends and checks of a call; the first is an append. */
type Together = Arr.NonEmptyReadonlyArray<EncodedAppend>

type Answers = Arr.NonEmptyReadonlyArray<Appended>

/** Makes a function that writes all appends of a call or none, through the lanes. */
export const make = Effect.fnUntraced(function* (options: {
  /** Writes all appends at once, or leaves all. */
  readonly tryAppend: (appends: Together) => Effect.Effect<Written, SqlError>
  /** Writes all appends of a call or none, and waits for their streams. */
  readonly waitAndAppend: (appends: Together) => Effect.Effect<Answers, Refusal | SqlError>
  /**
   * Counts a call that was sent and whose caller was interrupted, until the function that it
   * returns is called.
   */
  readonly keep: (appends: Together) => () => void
  readonly lanes?: number
}): Effect.fn.Return<
  (appends: Together) => Effect.Effect<Answers, Refusal | SqlError>,
  never,
  Scope.Scope
> {
  const { keep, lanes: laneCount = FAST_LANES, tryAppend, waitAndAppend } = options
  /** Writes a call, or returns the effect that waits for its streams. */
  const writeAlone = (call: Together) =>
    Effect.map(tryAppend(call), (written) => answersOf(call, written) ?? waitAndAppend(call))
  const writeAll = (calls: Arr.NonEmptyReadonlyArray<Together>) =>
    Effect.map(tryAppend(Arr.flatten(calls)), (written) => {
      let next = 0
      return calls.map(
        (call) =>
          answersOf(call, written.slice(next, (next += call.length))) ??
          Effect.flatten(writeAlone(call))
      )
    }).pipe(
      Effect.catchCause((cause) =>
        isOneItemsFault(cause)
          ? Effect.succeed(calls.map((call) => Effect.flatten(writeAlone(call))))
          : Effect.failCause(cause)
      )
    )
  // An answer is an effect for the caller, so that no call waits for a stream in the lane.
  const lanes = yield* Batcher.make<
    StreamId,
    Together,
    Effect.Effect<Answers, Refusal | SqlError>,
    SqlError
  >({
    call: (calls) =>
      Effect.map(
        calls.length === 1
          ? Effect.map(writeAlone(calls[0]), (answer) => [answer])
          : writeAll(calls),
        Arr.map(Exit.succeed)
      ),
    fitting,
    isOneItemsFault: () => false,
    keep,
    lanes: laneCount,
    capacity: CAPACITY
  })
  return (call) => Effect.flatten(lanes.runOrSubmit(call[0].streamId, call, writeAlone(call)))
})

/** Returns the answers of the appends of a call; undefined if it was left. */
const answersOf = (call: Together, written: Written): Effect.Effect<Answers> | undefined => {
  const answers = written.filter((_, index) => call[index]?.events.length !== 0)
  return answers.every((one) => one !== undefined)
    ? // The first is an append, so this is not empty.
      Effect.succeed(answers as [Appended, ...Array<Appended>])
    : undefined
}

/** Accepts calls of different streams, up to the size of one append. */
const fitting = () => {
  let events = 0
  let characters = 0
  const streams = new Set<StreamId>()
  return (call: Together): boolean => {
    const isApart = call.every(({ streamId }) => !streams.has(streamId))
    for (const append of call) {
      streams.add(append.streamId)
      events += append.events.length
      for (const { data, metadata } of append.events) characters += data.length + metadata.length
    }
    return (
      isApart && events <= MAX_EVENTS && characters <= MAX_CHARACTERS && streams.size <= FEW_STREAMS
    )
  }
}
