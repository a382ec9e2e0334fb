/**
 * The end of a host, for answers that last as long as it does.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"

/** Waits until the host begins to close; for ever on a host that does not tell. */
export const Closing = Context.Reference<Effect.Effect<void>>("@daybook/http/Closing", {
  defaultValue: () => Effect.never
})
