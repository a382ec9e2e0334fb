/**
 * A thrown value as one text: its name and message, or the value itself.
 */
import * as Cause from "effect/Cause"

export const thrown = (error: unknown): string =>
  Cause.pretty(Cause.die(unwrapped(error))).split("\n", 1)[0] ?? ""

/** Unwraps the cause in which a schema wraps a value that was thrown in it. */
const unwrapped = (error: unknown): unknown =>
  error instanceof Error && Cause.isCause(error.cause) ? Cause.squash(error.cause) : error
