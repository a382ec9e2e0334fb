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
    ready
  }: {
    /** Returns true if the page after a state can be read without waiting for new events. */
    readonly ready: (state: State) => boolean
    /** True if the consumer shares its connection with the reader, which then can't read ahead. */
    readonly alone: Effect.Effect<boolean>
  }
): Stream.Stream<A, E> =>
  Stream.fromChannel(
    Channel.fromTransformBracket((_upstream, _scope, scope) =>
      Effect.sync(() => {
        let state = Option.some(start)
        let asked = 0
        let ahead: Fiber.Fiber<Page<A, State>, E> | undefined
        const pull: Pull.Pull<Arr.NonEmptyReadonlyArray<A>, E> = Effect.gen(function* () {
          for (;;) {
            if (Option.isNone(state)) return yield* Cause.done()
            const fiber = ahead
            ahead = undefined
            const shares = asked > 0 && (yield* alone)
            // A transaction that began since may hold the connection that the fiber waits for.
            if (fiber !== undefined && shares) yield* Fiber.interrupt(fiber)
            const page =
              fiber === undefined || shares
                ? yield* next(state.value)
                : yield* Effect.onInterrupt(Fiber.join(fiber), () => Fiber.interrupt(fiber))
            asked += 1
            state = page[1]
            if (asked > 1 && !shares && Option.isSome(state) && ready(state.value)) {
              // Started before the consumer gets this page, since its work may occupy the thread.
              ahead = yield* Effect.forkIn(next(state.value), scope, { startImmediately: true })
            }
            if (Arr.isReadonlyArrayNonEmpty(page[0])) return page[0]
          }
        })
        return pull
      })
    )
  )
