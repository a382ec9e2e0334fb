/**
 * Reads the next page of a stream while its consumer works on the current one.
 */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Channel from "effect/Channel"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type * as Pull from "effect/Pull"
import * as Stream from "effect/Stream"

/** A page, and the state to continue from, if there may be more. */
export type Page<A, State> = readonly [ReadonlyArray<A>, Option.Option<State>]

/**
 * Paginates like `Stream.paginate`, one page ahead of the consumer once it has requested a second
 * one: a consumer of only the first page causes no other read.
 */
export const paginate = <A, State, E>(
  start: State,
  next: (state: State) => Effect.Effect<Page<A, State>, E>,
  {
    alone,
    isFirst = true,
    ready
  }: {
    /** Returns true if the page after a state can be read without waiting for new events. */
    readonly ready: (state: State) => boolean
    /** True if the consumer shares its connection with the reader, which then can't read ahead. */
    readonly alone: Effect.Effect<boolean>
    /** False if the consumer has read pages before. */
    readonly isFirst?: boolean
  }
): Stream.Stream<A, E> =>
  Stream.fromChannel(
    // Not in a scope of its own: a page is in flight only while a fiber of the consumer's scope
    // reads it, and most readers need one page.
    Channel.fromTransform((_upstream, scope) =>
      Effect.sync(() => {
        let state = Option.some(start)
        let readsFirst = isFirst
        let ahead: Fiber.Fiber<Page<A, State>, E> | undefined
        const readAhead = ([, rest]: Page<A, State>): Effect.Effect<void> =>
          Option.isSome(rest) && ready(rest.value)
            ? // Started before the consumer gets this page, since its work may occupy the thread.
              Effect.map(
                Effect.forkIn(next(rest.value), scope, { startImmediately: true }),
                (fiber) => {
                  ahead = fiber
                }
              )
            : Effect.void
        const read = (from: State): Effect.Effect<Page<A, State>, E> =>
          Effect.flatMap(alone, (shares) => {
            const fiber = ahead
            ahead = undefined
            if (fiber === undefined) return shares ? next(from) : Effect.tap(next(from), readAhead)
            // A transaction that began since may hold the connection that the fiber waits for.
            if (shares) return Effect.andThen(Fiber.interrupt(fiber), next(from))
            return Effect.tap(
              Effect.onInterrupt(Fiber.join(fiber), () => Fiber.interrupt(fiber)),
              readAhead
            )
          })
        const pull: Pull.Pull<Arr.NonEmptyReadonlyArray<A>, E> = Effect.suspend(() => {
          if (Option.isNone(state)) return Cause.done()
          const page = readsFirst ? next(state.value) : read(state.value)
          readsFirst = false
          return Effect.flatMap(page, ([items, rest]) => {
            state = rest
            return Arr.isReadonlyArrayNonEmpty(items) ? Effect.succeed(items) : pull
          })
        })
        return pull
      })
    )
  )
