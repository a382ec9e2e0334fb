/**
 * Batches appends: those that arrive while others are being written wait, and go together in the
 * next call.
 *
 * An append that finds no call under way goes at once, so that none waits just to be batched. An
 * append that can't be written at once, because its stream has another writer or is not as
 * expected, leaves its call and is handled on its own, so that it does not delay appends to other
 * streams.
 */
import type { StreamId } from "@daybook/kernel/StreamId"
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberSet from "effect/FiberSet"
import * as Hash from "effect/Hash"
import * as Latch from "effect/Latch"
import * as Metric from "effect/Metric"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import type { SqlError } from "effect/sql/SqlError"
import { type Appended, MAX_EVENTS } from "../../../EventStore.ts"
import type { EncodedAppend } from "../../../driver/EventStoreDriver.ts"
import type { Conflict } from "./append.ts"
import { FEW_STREAMS } from "../schema/shared.ts"
import { placesBefore, type Written } from "./appendNew.ts"

type Answer = Exit.Exit<Appended, Conflict | SqlError>

type Appends = Arr.NonEmptyReadonlyArray<EncodedAppend>

/**
 * The number of queues, each with a call under way: one call is executed while the other waits for
 * the disk.
 */
const QUEUES = 2

/** The most appends that may wait in a queue; further ones wait for room. */
export const CAPACITY = 4_096

/**
 * The most characters of JSON in a call of several appends: a larger call would delay those after
 * it.
 */
const MAX_CHARACTERS = 1_000_000

interface Waiting {
  readonly append: EncodedAppend
  /** Resumes the caller synchronously. */
  readonly answer: (answer: Answer) => void
  /** True once the caller was interrupted. */
  abandoned: boolean
}

type Batch = Arr.NonEmptyReadonlyArray<Waiting>

interface Queue {
  /** The waiting appends, in order of arrival. */
  readonly waiting: Set<Waiting>
  /** True while a fiber empties it. */
  busy: boolean
  /** Open while the queue has room. */
  readonly room: Latch.Latch
}

const batchSize = Metric.histogram("daybook_append_batch", {
  description: "Appends that went to the database in one call",
  boundaries: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]
})

/**
 * Makes a function that appends through the queues. A caller that is interrupted before its append
 * was sent withdraws it; after that its outcome is the store's.
 */
export const make = Effect.fnUntraced(function* (options: {
  /** Writes the appends that can be written at once. */
  readonly appendNew: (appends: Appends) => Effect.Effect<Written, SqlError>
  /** Waits for the streams, and answers each append. */
  readonly appendEach: (
    appends: Appends
  ) => Effect.Effect<Arr.NonEmptyReadonlyArray<Result.Result<Appended, Conflict>>, SqlError>
  /**
   * Counts an append that was sent and whose caller was interrupted, until the function that it
   * returns is called.
   */
  readonly keep: (append: EncodedAppend) => () => void
  readonly queues?: number
}): Effect.fn.Return<
  (append: EncodedAppend) => Effect.Effect<Appended, Conflict | SqlError>,
  never,
  Scope.Scope
> {
  const fork = yield* FiberSet.makeRuntime<never, void, never>()
  let closed = false
  /** The appends that are handled on their own, by stream: one call at a time for each. */
  const apart = new Map<StreamId, Set<Waiting>>()

  const seeTo = (streamId: StreamId, waiting: Set<Waiting>): Effect.Effect<void> =>
    Effect.gen(function* () {
      while (true) {
        const batch = take(waiting)
        if (batch === undefined) {
          // In the same step as the check, so that no append can come in between and be forgotten.
          apart.delete(streamId)
          return
        }
        yield* callEach(batch)
      }
    })

  const setApart = (waiting: Waiting) => {
    if (waiting.abandoned) {
      waiting.answer(Exit.interrupt())
      return
    }
    const { streamId } = waiting.append
    const busy = apart.get(streamId)
    if (busy !== undefined) {
      busy.add(waiting)
      return
    }
    const fresh = new Set([waiting])
    apart.set(streamId, fresh)
    fork(seeTo(streamId, fresh)).addObserver((exit) => {
      // The fiber ends early only with its layer.
      if (Exit.isSuccess(exit)) return
      apart.delete(streamId)
      fresh.forEach(({ answer }) => answer(Exit.failCause(exit.cause)))
      fresh.clear()
    })
  }

  const callNew = (batch: Batch): Effect.Effect<void> =>
    answering(batch, {
      call: (appends) =>
        Effect.andThen(Metric.update(batchSize, batch.length), options.appendNew(appends)),
      onSuccess: (written) =>
        batch.forEach((waiting, index) => {
          const appended = written[index]
          if (appended === undefined) setApart(waiting)
          else waiting.answer(Exit.succeed(appended))
        }),
      again: () => Effect.sync(() => batch.forEach(setApart))
    })

  const callEach = (batch: Batch): Effect.Effect<void> =>
    answering(batch, {
      call: options.appendEach,
      onSuccess: (answers) =>
        batch.forEach((waiting, index) =>
          waiting.answer(
            Result.match(Arr.getUnsafe(answers, index), {
              onFailure: Exit.fail<Conflict>,
              onSuccess: Exit.succeed<Appended>
            })
          )
        ),
      again: () => Effect.forEach(batch, (one) => callEach([one]), { discard: true })
    })

  /** Withdraws an append that waits, and returns true; returns false if it was sent. */
  const abandon = (queue: Queue, waiting: Waiting): boolean => {
    waiting.abandoned = true
    if (queue.waiting.delete(waiting)) {
      queue.room.openUnsafe()
      return true
    }
    return apart.get(waiting.append.streamId)?.delete(waiting) === true
  }

  /**
   * Calls until the queue is empty. Appends that arrive while callers are answered go in the next
   * call.
   */
  const empty = (queue: Queue): Effect.Effect<void> =>
    Effect.suspend(() => {
      const batch = take(queue.waiting)
      if (queue.waiting.size < CAPACITY) queue.room.openUnsafe()
      if (batch !== undefined) return Effect.flatMap(callNew(batch), () => empty(queue))
      queue.busy = false
      return Effect.void
    })

  const queues = Arr.makeBy(options.queues ?? QUEUES, (): Queue => ({
    waiting: new Set(),
    busy: false,
    room: Latch.makeUnsafe(true)
  }))
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      closed = true
      for (const queue of queues) {
        queue.waiting.forEach(({ answer }) => answer(Exit.interrupt()))
        queue.waiting.clear()
        queue.room.openUnsafe()
      }
    })
  )

  const enqueue = (append: EncodedAppend): Effect.Effect<Appended, Conflict | SqlError> =>
    Effect.suspend(() => {
      if (closed) return Effect.interrupt
      // The appends to a stream stay in one queue, in their order.
      const queue = Arr.getUnsafe(queues, Math.abs(Hash.string(append.streamId)) % queues.length)
      if (queue.waiting.size >= CAPACITY) {
        queue.room.closeUnsafe()
        return Effect.andThen(queue.room.await, enqueue(append))
      }
      return Effect.callback((answer) => {
        let isAnswered = false
        let release: (() => void) | undefined
        const waiting: Waiting = {
          append,
          answer: (exit) => {
            isAnswered = true
            release?.()
            answer(exit)
          },
          abandoned: false
        }
        queue.waiting.add(waiting)
        if (!queue.busy) {
          queue.busy = true
          // It runs at once, up to the socket. Waiting until all ready fibers have run, so that
          // their appends go in the same call, was no faster: under load a queue is never empty.
          fork(empty(queue))
        }
        return Effect.sync(() => {
          if (!isAnswered && !abandon(queue, waiting)) release = options.keep(append)
        })
      })
    })
  return enqueue
})

/**
 * Makes a call and answers its callers; `again` repeats the appends of a call that was refused
 * because of one of them.
 */
const answering = <A>(
  batch: Batch,
  options: {
    readonly call: (appends: Appends) => Effect.Effect<A, SqlError>
    readonly onSuccess: (answers: A) => void
    readonly again: () => Effect.Effect<void>
  }
): Effect.Effect<void> =>
  Effect.suspend(() => options.call(Arr.map(batch, ({ append }) => append))).pipe(
    Effect.flatMap((answers) => Effect.sync(() => options.onSuccess(answers))),
    Effect.catchCause((cause) =>
      batch.length > 1 && mayBeOfOne(cause)
        ? options.again()
        : Effect.sync(() => batch.forEach(({ answer }) => answer(Exit.failCause(cause))))
    ),
    Effect.onInterrupt(() =>
      Effect.sync(() => batch.forEach(({ answer }) => answer(Exit.interrupt())))
    )
  )

/**
 * Failures that concern all appends of a call. A call that waits for a lock holds appends to one
 * stream only.
 */
const ofAll = new Set(["ConnectionError", "LockTimeoutError"])

/**
 * Returns true if one append may be the reason why the whole call failed: the server refused the
 * call, so nothing was written.
 */
const mayBeOfOne = (cause: Cause.Cause<SqlError>): boolean =>
  !Cause.hasInterrupts(cause) &&
  !cause.reasons.some((reason) => Cause.isFailReason(reason) && ofAll.has(reason.error.reason._tag))

/** Takes the first waiting append and those after it that fit in one call. */
const take = (waiting: Set<Waiting>): Batch | undefined => {
  const batch: Array<Waiting> = []
  // Events and the free places between appends together do not exceed the events of one append.
  let places = 0
  let characters = 0
  const streams = new Set<StreamId>()
  for (const one of waiting) {
    places += one.append.events.length + placesBefore(streams, one.append.streamId)
    characters += sizeOf(one.append)
    if (
      batch.length > 0 &&
      (places > MAX_EVENTS || characters > MAX_CHARACTERS || streams.size > FEW_STREAMS)
    )
      break
    batch.push(one)
    waiting.delete(one)
  }
  return Arr.isArrayNonEmpty(batch) ? batch : undefined
}

const sizeOf = ({ events }: EncodedAppend): number =>
  events.reduce((sum, { data, metadata }) => sum + data.length + metadata.length, 0)
