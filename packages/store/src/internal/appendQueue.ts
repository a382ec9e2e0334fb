/**
 * Appends that arrive while others are being written wait, and go together in the next call.
 *
 * An append that finds nothing under way goes at once, so that none waits for company's sake. What can't be
 * written at once, because its stream is held by another writer or is not as expected, leaves its call and
 * is seen to apart, so that it holds up nobody who writes elsewhere.
 */
import type { StreamId } from "@daybook/kernel/StreamId"
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberSet from "effect/FiberSet"
import * as Hash from "effect/Hash"
import * as Metric from "effect/Metric"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import type { SqlError } from "effect/sql/SqlError"
import { type Appended, MAX_EVENTS } from "../EventStore.ts"
import type { EncodedAppend } from "./encodeAppends.ts"
import type { Conflict } from "./postgresAppend.ts"
import type { Written } from "./postgresAppendNew.ts"

type Answer = Result.Result<Appended, Conflict>

type Appends = Arr.NonEmptyReadonlyArray<EncodedAppend>

/** How many queues there are, each with a call under way: one is worked on while another waits for the disk. */
const QUEUES = 2

/** How many appends may wait in a queue; those beyond wait for a place to wait. */
export const CAPACITY = 4_096

/** Characters of JSON in a call of several appends: a larger one keeps those behind it waiting. */
const MAX_CHARACTERS = 1_000_000

interface Waiting {
  readonly append: EncodedAppend
  readonly answer: Deferred.Deferred<Answer, SqlError>
  /** Whether the caller has gone before its append was sent. */
  abandoned: boolean
}

type Batch = Arr.NonEmptyReadonlyArray<Waiting>

const batchSize = Metric.histogram("daybook_append_batch", {
  description: "Appends that went to the database in one call",
  boundaries: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]
})

/**
 * Appends through the queues. A caller that is interrupted before its append was sent takes it back; after
 * that its outcome is the store's.
 */
export const make = Effect.fnUntraced(function* (options: {
  /** Writes what can be written at once. */
  readonly appendNew: (appends: Appends) => Effect.Effect<Written, SqlError>
  /** Waits for the streams, and answers each. */
  readonly appendEach: (
    appends: Appends
  ) => Effect.Effect<Arr.NonEmptyReadonlyArray<Answer>, SqlError>
  readonly queues?: number
}): Effect.fn.Return<
  (append: EncodedAppend) => Effect.Effect<Answer, SqlError>,
  never,
  Scope.Scope
> {
  const fork = yield* FiberSet.makeRuntime<never, void, never>()
  /** All who wait. Registered first, so that it comes last: nobody waits for a store that is closed. */
  const unanswered = new Set<Waiting>()
  yield* Effect.addFinalizer(() => Effect.suspend(() => interrupt([...unanswered])))
  /** What is seen to apart, by stream: one call at a time for each. */
  const apart = new Map<StreamId, Array<Waiting>>()

  const seeTo = (streamId: StreamId, waiting: Array<Waiting>): Effect.Effect<void> =>
    Effect.gen(function* () {
      while (true) {
        const [batch, ...later] = batches(waiting.filter(({ abandoned }) => !abandoned))
        waiting.splice(0, waiting.length, ...later.flat())
        if (batch === undefined) {
          // In one step with the look, so that none can come in between and be forgotten.
          apart.delete(streamId)
          return
        }
        yield* callEach(batch)
      }
    })

  const setApart = (waiting: Waiting) => {
    const { streamId } = waiting.append
    const busy = apart.get(streamId)
    if (busy !== undefined) {
      busy.push(waiting)
      return
    }
    const fresh = [waiting]
    apart.set(streamId, fresh)
    fork(seeTo(streamId, fresh)).addObserver((exit) => {
      // It ends early only with its layer.
      if (Exit.isSuccess(exit)) return
      apart.delete(streamId)
      fresh.splice(0).forEach((one) => answer(one, Exit.failCause(exit.cause)))
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
          else answer(waiting, Exit.succeed(Result.succeed(appended)))
        }),
      again: () => Effect.sync(() => batch.forEach(setApart))
    })

  const callEach = (batch: Batch): Effect.Effect<void> =>
    answering(batch, {
      call: options.appendEach,
      onSuccess: (answers) =>
        batch.forEach((waiting, index) =>
          answer(waiting, Exit.succeed(Arr.getUnsafe(answers, index)))
        ),
      again: () => Effect.forEach(batch, (one) => callEach([one]), { discard: true })
    })

  const abandon = (waiting: Waiting) => {
    waiting.abandoned = true
    const others = apart.get(waiting.append.streamId)
    const place = others?.indexOf(waiting) ?? -1
    if (place >= 0) others?.splice(place, 1)
  }

  const queues = yield* Effect.forEach(Arr.range(1, options.queues ?? QUEUES), () =>
    Effect.gen(function* () {
      const queue = yield* Queue.bounded<Waiting>(CAPACITY)
      const work = Effect.flatMap(Queue.takeBetween(queue, 1, MAX_EVENTS), (taken) =>
        Effect.forEach(
          batches(taken),
          (batch) =>
            Effect.suspend(() => {
              const left = batch.filter(({ abandoned }) => !abandoned)
              return Arr.isArrayNonEmpty(left) ? callNew(left) : Effect.void
            }),
          { discard: true }
        )
      )
      yield* Effect.forkScoped(Effect.forever(work))
      yield* Effect.addFinalizer(() => Queue.shutdown(queue))
      return queue
    })
  )

  return (append) =>
    Effect.suspend(() => {
      const waiting: Waiting = { append, answer: Deferred.makeUnsafe(), abandoned: false }
      unanswered.add(waiting)
      // The appends to a stream stay in one queue, so that they keep their order.
      const queue = Arr.getUnsafe(queues, Math.abs(Hash.string(append.streamId)) % queues.length)
      return Effect.flatMap(Queue.offer(queue, waiting), (isOpen) =>
        isOpen ? Deferred.await(waiting.answer) : Effect.interrupt
      ).pipe(
        Effect.onInterrupt(() => Effect.sync(() => abandon(waiting))),
        Effect.ensuring(Effect.sync(() => unanswered.delete(waiting)))
      )
    })
})

/** Makes a call, and answers; `again` is for those of a call that was refused for one of them. */
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
        : Effect.sync(() => batch.forEach((one) => answer(one, Exit.failCause(cause))))
    ),
    Effect.onInterrupt(() => interrupt(batch))
  )

const answer = (waiting: Waiting, exit: Exit.Exit<Answer, SqlError>) =>
  Deferred.doneUnsafe(waiting.answer, exit)

const interrupt = (all: ReadonlyArray<Waiting>): Effect.Effect<void> =>
  Effect.forEach(all, (waiting) => Deferred.interrupt(waiting.answer), { discard: true })

/** Whether one of several may be what the others failed for: the server refused the call, so wrote nothing. */
const mayBeOfOne = (cause: Cause.Cause<SqlError>): boolean =>
  !Cause.hasInterrupts(cause) &&
  !cause.reasons.some(
    (reason) => Cause.isFailReason(reason) && reason.error.reason._tag === "ConnectionError"
  )

/** In the order in which they came, each batch within the limits of a call. */
const batches = (taken: ReadonlyArray<Waiting>): ReadonlyArray<Batch> => {
  const all: Array<[Waiting, ...Array<Waiting>]> = []
  let events = 0
  let characters = 0
  for (const waiting of taken) {
    const size = sizeOf(waiting.append)
    events += waiting.append.events.length
    characters += size
    const batch = all.at(-1)
    if (batch !== undefined && events <= MAX_EVENTS && characters <= MAX_CHARACTERS) {
      batch.push(waiting)
    } else {
      all.push([waiting])
      events = waiting.append.events.length
      characters = size
    }
  }
  return all
}

const sizeOf = ({ events }: EncodedAppend): number =>
  events.reduce((sum, { data, metadata }) => sum + data.length + metadata.length, 0)
