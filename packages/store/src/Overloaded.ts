/**
 * The limit of calls and bytes that a host holds at once for its callers, and the refusal beyond
 * it.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Schema from "effect/Schema"

/**
 * The host is at its limit: nothing was decided and nothing was written. Repeat the call later.
 *
 * @category errors
 * @since 0.1.0
 */
export class Overloaded extends Schema.TaggedError<Overloaded>()("Overloaded", {
  /** The part that refused the call: a command handler, or an event store in Postgres. */
  where: Schema.Literals(["handler", "store"]),
  /** The load before this call. */
  held: Schema.Struct({ calls: Schema.Int, bytes: Schema.Int }),
  limit: Schema.Struct({ calls: Schema.Int, bytes: Schema.Int })
}) {
  override get message() {
    const { held, limit, where } = this
    return `The ${where} holds ${held.calls} calls of ${held.bytes} bytes, at most ${limit.calls} of ${limit.bytes} are allowed`
  }
}

/**
 * The most that a command handler and an event store in Postgres may each hold; 65,536 calls and
 * 256 MiB unless provided to their layers. Whole numbers, 1 or more.
 *
 * **Details**
 * A call that would exceed either limit fails with {@link Overloaded}; one that is alone is
 * accepted, whatever its size. Calls in a transaction of the caller already hold a connection and
 * do not count. A call whose caller was interrupted counts until the work that was begun for it
 * ends.
 *
 * @category references
 * @since 0.1.0
 */
export const MaxHeld = Context.Reference<{
  /** Commands, loads and appends that wait or run. */
  readonly calls: number
  /** An estimate of their size: two bytes for each UTF-16 code unit of text. */
  readonly bytes: number
}>("@daybook/store/Overloaded/MaxHeld", {
  defaultValue: () => ({ calls: 65_536, bytes: 268_435_456 })
})
