/**
 * Batches appends: those that arrive while others are being written wait, and go together in the
 * next call.
 *
 * An append that can't be written at once, because its stream has another writer or is not as
 * expected, leaves its call for the slow lane of its stream, so that it does not delay appends to
 * other streams.
 */
import type { StreamId } from "@daybook/kernel/StreamId"
import type * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Metric from "effect/Metric"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import type { SqlError } from "effect/sql/SqlError"
import { type Appended, MAX_EVENTS } from "../../../EventStore.ts"
import type { EncodedAppend } from "../../../driver/EventStoreDriver.ts"
import * as Batcher from "../../batch/batcher.ts"
import type { Refusal } from "./callAppend.ts"
import { sqlErrorIn } from "../locks/waitForLock.ts"
import { FEW_STREAMS } from "../schema/sqlParts.ts"
import { placesBefore, type Written } from "./callTryAppend.ts"

/**
 * The number of fast lanes, each with a call under way: one call is executed while the other waits
 * for the disk.
 */
export const FAST_LANES = 2

/** The most appends that may wait in a fast lane; further ones wait for room. */
export const CAPACITY = 4_096

/**
 * The most characters of JSON in a call of several appends: a larger call would delay those after
 * it.
 */
export const MAX_CHARACTERS = 1_000_000

const batchSize = Metric.histogram("daybook_append_batch", {
  description: "Appends that went to the database in one call",
  boundaries: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]
})

/**
 * Makes a function that appends through the lanes. A caller that is interrupted before its append
 * was sent withdraws it; after that its outcome is the store's.
 */
export const make = Effect.fnUntraced(function* <Item extends EncodedAppend, E>(options: {
  /** Writes the appends that can be written at once. */
  readonly tryAppend: (
    appends: Arr.NonEmptyReadonlyArray<Item>
  ) => Effect.Effect<Written, SqlError | E>
  /** Waits for the streams, and answers each append. */
  readonly appendEach: (
    appends: Arr.NonEmptyReadonlyArray<Item>
  ) => Effect.Effect<Arr.NonEmptyReadonlyArray<Result.Result<Appended, Refusal>>, SqlError | E>
  /**
   * Counts an append that was sent and whose caller was interrupted, until the function that it
   * returns is called.
   */
  readonly keep: (append: Item) => () => void
  /** Bounds a call further, as `fitting` of a batcher does. */
  readonly fitting?: () => (append: Item) => boolean
  /** True if each append of a slow lane has a call of its own. */
  readonly repeatsAlone?: boolean
  readonly fastLanes?: number
}): Effect.fn.Return<
  (append: Item) => Effect.Effect<Appended, Refusal | SqlError | E>,
  never,
  Scope.Scope
> {
  const { appendEach, fastLanes = FAST_LANES, keep, repeatsAlone = false, tryAppend } = options
  const fitting = () => {
    const [fits, fitsFurther] = [fitsCall(), options.fitting?.()]
    return (append: Item) => fits(append) && (fitsFurther?.(append) ?? true)
  }
  const slowLane = yield* Batcher.make<StreamId, Item, Appended, Refusal | SqlError | E>({
    call: (appends) => Effect.map(appendEach(appends), (answers) => answers.map(exitOf)),
    // The first append of a call always fits.
    fitting: repeatsAlone ? () => () => false : fitting,
    isOneItemsFault,
    keep
  })
  const moveToSlowLane = (append: Item) => slowLane.submit(append.streamId, append)
  const appendFast = (appends: Arr.NonEmptyReadonlyArray<Item>) =>
    Effect.andThen(Metric.update(batchSize, appends.length), tryAppend(appends)).pipe(
      Effect.map((written) =>
        appends.map((append, index) => {
          const appended = written[index]
          return appended === undefined ? moveToSlowLane(append) : Exit.succeed(appended)
        })
      ),
      // Repeated there, so that the other appends of the lane don't wait for that.
      Effect.catchCause((cause) =>
        appends.length > 1 && isOneItemsFault(cause)
          ? Effect.succeed(appends.map(moveToSlowLane))
          : Effect.failCause(cause)
      )
    )
  const fast = yield* Batcher.make<StreamId, Item, Appended, Refusal | SqlError | E>({
    call: appendFast,
    fitting,
    isOneItemsFault: () => false,
    keep,
    // The appends to a stream stay in one lane, in their order.
    lanes: fastLanes,
    capacity: CAPACITY
  })
  return (append) => fast.submit(append.streamId, append)
})

const exitOf = (answer: Result.Result<Appended, Refusal>): Exit.Exit<Appended, Refusal> =>
  Result.isSuccess(answer) ? Exit.succeed(answer.success) : Exit.fail(answer.failure)

/**
 * Failures that concern all appends of a call. A call that waits for a lock holds appends to one
 * stream only.
 */
const ofAll = new Set(["ConnectionError", "LockTimeoutError"])

/**
 * Returns true if one append may be the reason why the whole call failed: the server refused the
 * call, so nothing was written.
 */
export const isOneItemsFault = (cause: Cause.Cause<unknown>): boolean =>
  !Cause.hasInterrupts(cause) &&
  !cause.reasons.some(
    (reason) => Cause.isFailReason(reason) && ofAll.has(sqlErrorIn(reason.error)?.reason._tag ?? "")
  )

/**
 * Accepts the appends that fit in one call: their events and the free places between them do not
 * exceed the events of one append.
 */
const fitsCall = () => {
  let places = 0
  let characters = 0
  const streams = new Set<StreamId>()
  return ({ events, streamId }: EncodedAppend): boolean => {
    places += events.length + placesBefore(streams, streamId)
    for (const { data, metadata } of events) characters += data.length + metadata.length
    return places <= MAX_EVENTS && characters <= MAX_CHARACTERS && streams.size <= FEW_STREAMS
  }
}
