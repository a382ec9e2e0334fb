/**
 * So many effects at once; the others wait, and are let in one by one in their order.
 *
 * `Semaphore` of `effect` looks at all who wait each time one leaves, which ten thousand notice.
 */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"

export type Door = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

/** A place in the queue. */
interface Turn {
  isGiven: boolean
  readonly give: () => void
}

/** Dies unless `places` is 1 or more. */
export const make = (places: number): Door => {
  if (!(places >= 1)) throw new RangeError(`places are ${places}, allowed is 1 or more`)
  let free = places
  const waiting = new Set<Turn>()
  const letIn = () => {
    for (const turn of waiting) {
      if (free === 0) return
      free--
      waiting.delete(turn)
      turn.isGiven = true
      turn.give()
    }
  }
  const leave = Effect.withFiber((fiber: Fiber.Fiber<unknown, unknown>) => {
    free++
    // Not at once: who is let in goes on here, and may be through as fast, and let in the next.
    if (waiting.size > 0) fiber.currentDispatcher.scheduleTask(letIn, 0)
    return Effect.void
  })
  return (effect) =>
    Effect.uninterruptibleMask((restore) =>
      Effect.suspend(() => {
        const inside = Effect.ensuring(restore(effect), leave)
        if (free > 0 && waiting.size === 0) {
          free--
          return inside
        }
        let mine: Turn | undefined
        const wait = Effect.callback<void>((resume) => {
          const turn: Turn = { isGiven: false, give: () => resume(Effect.void) }
          mine = turn
          waiting.add(turn)
          return Effect.sync(() => waiting.delete(turn))
        })
        return restore(wait).pipe(
          // It may be interrupted when it has its place and doesn't know yet.
          Effect.onInterrupt(() => (mine?.isGiven === true ? leave : Effect.void)),
          Effect.andThen(inside)
        )
      })
    )
}
