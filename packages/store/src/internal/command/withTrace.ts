/**
 * The trace context that is recorded with a caller's events.
 */
import type { EventMetadata } from "@daybook/kernel/EventMetadata"
import * as Context from "effect/Context"
import type * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Tracer from "effect/Tracer"
import { isTraced } from "../driver/inSpan.ts"

/** Returns the caller's metadata with the W3C trace context of the current span. */
export const withTrace = (
  fiber: Fiber.Fiber<unknown, unknown>,
  metadata: EventMetadata
): EventMetadata => {
  const current = Option.getOrUndefined(Context.getOption(fiber.context, Tracer.ParentSpan))
  // Without a span of the caller, the handler's own span (opened where there is a tracer) is the
  // root of a trace that leads nowhere, so it is not recorded.
  const isOwn = isTraced(fiber) && current?._tag === "Span" && Option.isNone(current.parent)
  if (current === undefined || isOwn) return metadata
  const { sampled, spanId, traceId } = current
  // A disabled tracer returns invalid ids.
  if (!/^[0-9a-f]{32}$/.test(traceId) || !/^[0-9a-f]{16}$/.test(spanId)) return metadata
  return { ...metadata, traceparent: `00-${traceId}-${spanId}-${sampled ? "01" : "00"}` }
}
