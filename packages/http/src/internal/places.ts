/**
 * The places of clients that follow a log: so many in all, and so many for each actor.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { Busy, passing } from "../Problem.ts"

interface Limits {
  readonly most: number
  readonly mostPerActor: number
}

export const make = ({ most, mostPerActor }: Limits) => {
  let taken = 0
  const byActor = new Map<string, number>()

  const count = (actor: string | undefined, change: 1 | -1): void => {
    taken += change
    if (actor === undefined) return
    const left = (byActor.get(actor) ?? 0) + change
    if (left === 0) byActor.delete(actor)
    else byActor.set(actor, left)
  }

  const refusal = (actor: string | undefined): string | undefined => {
    if (taken >= most) return `${most} clients follow the log already`
    if (actor === undefined || (byActor.get(actor) ?? 0) < mostPerActor) return undefined
    return `${mostPerActor} clients of this caller follow the log already`
  }

  /** Takes a place until the scope closes, or refuses if there is none. */
  const enter = (actor: string | undefined): Effect.Effect<void, Busy, Scope.Scope> =>
    Effect.acquireRelease(
      Effect.suspend(() => {
        const detail = refusal(actor)
        return detail === undefined
          ? Effect.sync(() => count(actor, 1))
          : passing(new Busy({ detail }))
      }),
      () => Effect.sync(() => count(actor, -1))
    )

  return { enter }
}
