/**
 * Limits the number of effects that run at once; the others wait and enter in their order.
 *
 * `Semaphore` of `effect` visits all waiting fibers at each release, which is slow with ten
 * thousand.
 */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"

export type Limiter = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

/** A place in the queue. */
interface Turn {
  isGiven: boolean
  readonly give: () => void
}

/** Makes a limiter with `places`. Throws unless that is 1 or more. */
export const make = (places: number): Limiter => {
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
    // Scheduled, not called here: the next effect would run inside this call, might leave as fast,
    // and let in the one after it, without a bound on the depth.
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
          // An interrupt may arrive after the place was given and before the fiber resumes.
          Effect.onInterrupt(() => (mine?.isGiven === true ? leave : Effect.void)),
          Effect.andThen(inside)
        )
      })
    )
}
