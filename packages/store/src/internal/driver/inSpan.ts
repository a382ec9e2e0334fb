/**
 * Spans that cost nothing without a tracer.
 */
import * as Channel from "effect/Channel"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import * as Paged from "./paged.ts"

/**
 * Runs the effect in a span of this name if a tracer is provided. The default tracer exports
 * nothing, and a span costs a third of an append to memory, so without a tracer there is no span.
 * No stack trace is captured: it would always point here, and capturing it costs more than the
 * span.
 */
export const inSpan = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  name: string,
  options: () => Tracer.SpanOptionsNoTrace
): Effect.Effect<A, E, R> =>
  Effect.withFiber((fiber) =>
    isTraced(fiber)
      ? // The effect requires no parent span, so excluding it changes nothing.
        (Effect.withSpan(effect, name, {
          ...options(),
          captureStackTrace: false
        }) as Effect.Effect<A, E, R>)
      : effect
  )

/** Opens a stream for each run, in a span of this name if a tracer is provided. */
export const streamInSpan = <A, E>(
  open: () => Stream.Stream<A, E>,
  name: string,
  options: () => Tracer.SpanOptionsNoTrace = () => ({})
): Stream.Stream<A, E> => {
  const spanned = () => Stream.withSpan(open(), name, { ...options(), captureStackTrace: false })
  const stream: Stream.Stream<A, E> = Stream.fromChannel(
    Channel.fromTransform((upstream, scope) =>
      Effect.withFiber((fiber) =>
        Channel.toTransform(Stream.toChannel(isTraced(fiber) ? spanned() : open()))(upstream, scope)
      )
    )
  )
  return Paged.make(stream, (use) =>
    Effect.withFiber((fiber) =>
      isTraced(fiber) ? Stream.runForEachArray(spanned(), use) : Paged.forEachPage(open(), use)
    )
  )
}

/**
 * Runs the effect, and the fibers that it makes, without the spans of their statements, unless a
 * tracer is provided. The effect is the store's own: code of users would lose a tracer that it
 * provides.
 *
 * The span of a statement takes two looks at the clock and two changes of the fiber's context; so
 * would this for each statement, and it gains where it is run once for many fibers.
 */
export const withoutIdleSpans = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.withFiber((fiber) => (isTraced(fiber) ? effect : Effect.withTracerEnabled(effect, false)))

/** Returns true if a tracer is provided. */
export const isTraced = (fiber: Fiber.Fiber<unknown, unknown>): boolean =>
  fiber.getRef(Tracer.Tracer) !== Tracer.nativeTracer
