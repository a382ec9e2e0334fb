/**
 * The trace that a caller's events are recorded with.
 */
import type { EventMetadata } from "@daybook/kernel/EventMetadata"
import * as Context from "effect/Context"
import type * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Tracer from "effect/Tracer"
import { isTraced } from "../driver/inSpan.ts"

/** The caller's metadata with the W3C trace context of the current span. */
export const withTrace = (
  fiber: Fiber.Fiber<unknown, unknown>,
  metadata: EventMetadata
): EventMetadata => {
  const current = Option.getOrUndefined(Context.getOption(fiber.context, Tracer.ParentSpan))
  // The handler's own span alone, which it has where there is a tracer, is nobody's trace: only a caller's makes it
  // one to be found again.
  const isOwn = isTraced(fiber) && current?._tag === "Span" && Option.isNone(current.parent)
  if (current === undefined || isOwn) return metadata
  const { sampled, spanId, traceId } = current
  // A tracer that is switched off gives ids that are none.
  if (!/^[0-9a-f]{32}$/.test(traceId) || !/^[0-9a-f]{16}$/.test(spanId)) return metadata
  return { ...metadata, traceparent: `00-${traceId}-${spanId}-${sampled ? "01" : "00"}` }
}
