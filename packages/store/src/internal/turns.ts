/**
 * Lets what concerns a stream happen one after the other, in the order in which it came.
 *
 * A host that knows the newest state appends again at once after it won. So it would come before all
 * who lost to it, time and again, where a store serves appends in turn.
 */
import type { StreamId } from "@daybook/kernel/StreamId"
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"

export const make = () => {
  const streams = new Map<StreamId, { readonly turn: Semaphore.Semaphore; users: number }>()
  const enter = (streamId: StreamId) => {
    const stream = streams.get(streamId) ?? { turn: Semaphore.makeUnsafe(1), users: 0 }
    stream.users++
    streams.set(streamId, stream)
    return stream
  }
  return <A, E, R>(streamId: StreamId, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.acquireUseRelease(
      Effect.sync(() => enter(streamId)),
      ({ turn }) => Semaphore.withPermit(turn, effect),
      (stream) =>
        Effect.sync(() => {
          if (--stream.users === 0) streams.delete(streamId)
        })
    )
}
