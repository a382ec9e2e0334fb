/**
 * A budget of calls and bytes, for queues that would otherwise grow without a bound.
 */
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import { Overloaded } from "../../Overloaded.ts"

interface Size {
  readonly calls: number
  readonly bytes: number
}

const overloaded = Metric.counter("daybook_overloaded", {
  description: "Calls refused since the host holds as much as it may, by where: handler or store"
})

type Hold = <A, E, R>(
  size: Size,
  effect: Effect.Effect<A, E, R>
) => Effect.Effect<A, E | Overloaded, R>

/**
 * Counts the size of a call that outlives its interrupted caller, past the limit too, and returns a
 * function that ends it.
 */
type Keep = (size: Size) => () => void

export interface Budget {
  /** Counts the size of each call while its effect runs, and refuses calls past the limit. */
  readonly hold: Hold
  readonly keep: Keep
}

/** Makes an empty budget. Throws unless both limits are whole numbers, 1 or more. */
export const make = (where: Overloaded["where"], limit: Size): Budget => {
  for (const [name, value] of Object.entries(limit)) {
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new RangeError(`${name} of MaxHeld is ${value}, allowed is a whole number, 1 or more`)
    }
  }
  const refused = Metric.withAttributes(overloaded, { where })
  const held = { calls: 0, bytes: 0 }
  const keep: Keep = ({ bytes, calls }) => {
    held.calls += calls
    held.bytes += bytes
    return () => {
      held.calls -= calls
      held.bytes -= bytes
    }
  }
  const hold: Hold = <A, E, R>({ bytes, calls }: Size, effect: Effect.Effect<A, E, R>) =>
    Effect.uninterruptibleMask((restore) =>
      Effect.suspend((): Effect.Effect<A, E | Overloaded, R> => {
        const isFull = held.calls + calls > limit.calls || held.bytes + bytes > limit.bytes
        // A lone call is accepted: its own limits bound its size.
        if (isFull && held.calls > 0) {
          const { calls: most, bytes: mostBytes } = limit
          return Effect.andThen(
            Metric.update(refused, 1),
            new Overloaded({ where, held: { ...held }, limit: { calls: most, bytes: mostBytes } })
          )
        }
        return Effect.ensuring(restore(effect), Effect.sync(keep({ bytes, calls })))
      })
    )
  return { hold, keep }
}
