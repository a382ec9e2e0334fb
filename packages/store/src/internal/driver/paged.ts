/**
 * Streams of pages that a consumer in this package may also read page by page, on its own fiber.
 *
 * Most streams of events have one page, and the channel and scope of a stream would take longer
 * than reading and folding it.
 */
import type * as Arr from "effect/Array"
import type * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"

export type UsePage<A, E> = (page: Arr.NonEmptyReadonlyArray<A>) => Effect.Effect<void, E>

/** Calls a function with each page, one after the other. */
type ForEachPage<A, E> = <E2>(use: UsePage<A, E2>) => Effect.Effect<void, E | E2>

const Pages: unique symbol = Symbol("@daybook/store/Pages")

interface Paged<A, E> extends Stream.Stream<A, E> {
  readonly [Pages]: ForEachPage<A, E>
}

/** Returns the stream, with another way to read the same pages. */
export const make = <A, E>(
  stream: Stream.Stream<A, E>,
  forEachPage: ForEachPage<A, E>
): Stream.Stream<A, E> => Object.assign(stream, { [Pages]: forEachPage })

const isPaged = <A, E>(stream: Stream.Stream<A, E>): stream is Paged<A, E> => Pages in stream

/**
 * Runs the stream, and calls `use` with each page. A stream that was made from another one, as by
 * a store that wraps one, has no pages of its own and is run as any stream.
 */
export const forEachPage = <A, E, E2>(
  stream: Stream.Stream<A, E>,
  use: UsePage<A, E2>
): Effect.Effect<void, E | E2> =>
  isPaged(stream) ? stream[Pages](use) : Stream.runForEachArray(stream, use)
