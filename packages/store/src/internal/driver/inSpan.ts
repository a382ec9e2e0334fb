/**
 * Spans that cost nothing where nobody can see them.
 */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Tracer from "effect/Tracer"

/**
 * The effect in a span of this name. The tracer that is there when nobody provided one keeps spans to itself, and a
 * span is a third of what an append to memory costs: then there is none. Where the span was opened is always here, and
 * looking that up takes longer than the span.
 */
export const inSpan = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  name: string,
  options: () => Tracer.SpanOptionsNoTrace
): Effect.Effect<A, E, R> =>
  Effect.withFiber((fiber) =>
    isTraced(fiber)
      ? // The effect needs no parent span of its own, so none is excluded from what it requires.
        (Effect.withSpan(effect, name, {
          ...options(),
          captureStackTrace: false
        }) as Effect.Effect<A, E, R>)
      : effect
  )

/** Whether somebody provided a tracer. */
export const isTraced = (fiber: Fiber.Fiber<unknown, unknown>): boolean =>
  fiber.getRef(Tracer.Tracer) !== Tracer.nativeTracer
