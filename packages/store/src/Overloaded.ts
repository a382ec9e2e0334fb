/**
 * What a host holds at once for its callers, in calls and in bytes, and the refusal of what comes on top.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Schema from "effect/Schema"

/**
 * The host holds as much as it may: nothing was decided and nothing was written. Repeat the call later.
 *
 * @category errors
 * @since 0.1.0
 */
export class Overloaded extends Schema.TaggedError<Overloaded>()("Overloaded", {
  /** A command handler, or a store of events in Postgres. */
  where: Schema.Literals(["handler", "store"]),
  /** What is held already, without this call. */
  held: Schema.Struct({ calls: Schema.Int, bytes: Schema.Int }),
  limit: Schema.Struct({ calls: Schema.Int, bytes: Schema.Int })
}) {
  override get message() {
    const { held, limit, where } = this
    return `The ${where} holds ${held.calls} calls of ${held.bytes} bytes, at most ${limit.calls} of ${limit.bytes} are allowed`
  }
}

/**
 * How much a command handler may hold, and a store of events in Postgres, each for itself; 65,536 calls and 256 MiB unless provided to
 * their layers. Whole numbers, 1 or more.
 *
 * **Details**
 * `calls`: commands, loads and appends that wait or are under way. `bytes`: an estimate of what those occupy, two bytes for each
 * UTF-16 code unit of text. A call that would exceed one of the two fails with {@link Overloaded}; one that is
 * alone is let in, whatever its size. Calls in a transaction of the caller hold a connection already, and are not counted.
 *
 * @category references
 * @since 0.1.0
 */
export const MaxHeld = Context.Reference<{ readonly calls: number; readonly bytes: number }>(
  "@daybook/store/Overloaded/MaxHeld",
  { defaultValue: () => ({ calls: 65_536, bytes: 268_435_456 }) }
)
