/**
 * Answers the questions of many fibers by one call for all.
 *
 * Each loop of a host asks for the state of its read model. With a statement for each, 100 read
 * models would cost an idle host some 200 statements a second.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import type * as Scope from "effect/Scope"

interface Asked<K, A, E> {
  readonly keys: Set<K>
  readonly answer: Deferred.Deferred<(key: K) => A, E>
}

/**
 * Makes a question that fibers ask by a key. One call of `answer` is in flight at a time, for all
 * the keys that were asked before it began, at least one, and its failure is that of them all. A
 * question that comes meanwhile waits for the next call: the present one may have seen an earlier
 * state.
 *
 * The fiber that calls is none of those that ask: the others do not share its transaction.
 */
export const make = Effect.fnUntraced(function* <K, A, E, R>(
  answer: (keys: ReadonlySet<K>) => Effect.Effect<(key: K) => A, E, R>
): Effect.fn.Return<(key: K) => Effect.Effect<A, E>, never, R | Scope.Scope> {
  const isAsked = Latch.makeUnsafe()
  const begin = (): Asked<K, A, E> => ({ keys: new Set(), answer: Deferred.makeUnsafe() })
  let next = begin()
  yield* isAsked.await.pipe(
    // Lets all fibers that were woken at the same time ask first.
    Effect.andThen(Effect.yieldNow),
    Effect.andThen(
      Effect.suspend(() => {
        isAsked.closeUnsafe()
        const asked = next
        next = begin()
        const answered = Effect.exit(Effect.suspend(() => answer(asked.keys)))
        return Effect.flatMap(answered, (exit) => Deferred.done(asked.answer, exit))
      })
    ),
    Effect.forever,
    Effect.forkScoped
  )
  return (key) =>
    Effect.suspend(() => {
      const { answer, keys } = next
      keys.add(key)
      isAsked.openUnsafe()
      return Effect.map(Deferred.await(answer), (of) => of(key))
    })
})
