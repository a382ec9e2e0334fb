/**
 * Atoms of Effect in components of React.
 *
 * `@effect/atom-react` does not import under Effect 4.1, so this is the part of it that the page
 * needs.
 */
import { Malformed } from "@daybook/http/Problem"
import * as Cause from "effect/Cause"
import * as Option from "effect/Option"
import * as AsyncResult from "effect/reactivity/AsyncResult"
import type * as Atom from "effect/reactivity/Atom"
import * as AtomRegistry from "effect/reactivity/AtomRegistry"
import { useCallback, useRef, useSyncExternalStore } from "react"

/** Holds the values of all atoms; those that no component shows are kept for half a minute. */
export const registry = AtomRegistry.make({ defaultIdleTTL: 30_000 })

/** Returns the present value of an atom, and renders again when it changes. */
export const useAtom = <A>(atom: Atom.Atom<A>): A => {
  const subscribe = useCallback((changed: () => void) => registry.subscribe(atom, changed), [atom])
  return useSyncExternalStore(subscribe, () => registry.get(atom))
}

/** An answer of the host as a view shows it. */
export interface Answer<A> {
  /** The newest answer; while the next one is awaited, the one before it. */
  readonly value: A | undefined
  readonly isWaiting: boolean
  /** The reason why there is no newer answer. */
  readonly problem: string | undefined
  /** The time of the answer, in milliseconds. */
  readonly at: number | undefined
}

/**
 * Returns the answer to a question. A view keeps its place: the previous answer stays until the
 * next one is there, also when the question changes.
 */
export const useAnswer = <A, E>(atom: Atom.Atom<AsyncResult.AsyncResult<A, E>>): Answer<A> => {
  const result = useAtom(atom)
  const kept = useRef<{ readonly value: A; readonly at: number | undefined }>(undefined)
  const value = AsyncResult.value(result)
  if (Option.isSome(value)) {
    const at = AsyncResult.isSuccess(result) ? result.timestamp : kept.current?.at
    kept.current = { value: value.value, at }
  }
  return {
    value: kept.current?.value,
    at: kept.current?.at,
    isWaiting: AsyncResult.isInitial(result) || result.waiting,
    problem: AsyncResult.isFailure(result) ? sayCause(result.cause) : undefined
  }
}

/** Says what is wrong with a question; undefined if something else kept it from its answer. */
export const sayMalformed = <E>(cause: Cause.Cause<E>): string | undefined => {
  const error: unknown = Cause.squash(cause)
  return error instanceof Malformed && error.errors.length > 0
    ? error.errors.map(({ message }) => message).join("; ")
    : undefined
}

/** Says the first failure of a cause in a line. */
export const sayCause = <E>(cause: Cause.Cause<E>): string => {
  const malformed = sayMalformed(cause)
  if (malformed !== undefined) return malformed
  const error: unknown = Cause.squash(cause)
  return error instanceof Error && error.message !== "" ? error.message : String(error)
}
