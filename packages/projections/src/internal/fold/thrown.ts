/**
 * What was thrown, as one text: the name and the message, or whatever it is.
 */
import * as Cause from "effect/Cause"

export const thrown = (error: unknown): string =>
  Cause.pretty(Cause.die(unwrapped(error))).split("\n", 1)[0] ?? ""

/** Schemas wrap the cause of what was thrown in them. */
const unwrapped = (error: unknown): unknown =>
  error instanceof Error && Cause.isCause(error.cause) ? Cause.squash(error.cause) : error
