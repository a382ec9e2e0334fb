/**
 * A contender out of the few calls of a library with promises.
 */
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Baskets from "./Baskets.ts"
import type { Contender, Orders, Tally } from "./Contender.ts"
import { promises } from "./Drive.ts"

/** What the library does; ids are those of orders. */
export interface Calls {
  /** Appends at exactly this revision; 0 is a new order. */
  readonly append: (
    id: string,
    revision: number,
    events: Arr.NonEmptyReadonlyArray<Baskets.Stored>
  ) => Promise<unknown>
  /** Reads what came after `known`, and folds it. */
  readonly load: (id: string, known: Baskets.Known) => Promise<Baskets.Known>
  /** Reads, decides the nth command and appends, in the library's own way. */
  readonly execute: (id: string, n: number) => Promise<unknown>
  /** Whether an append failed since another writer was faster. */
  readonly isConflict: (error: unknown) => boolean
}

/** The work that these calls make up. */
export const work = (
  calls: Calls,
  tally: Tally
): { readonly append: Contender["append"]; readonly orders: Orders } => ({
  append: (events) =>
    promises(async () => {
      await calls.append(Baskets.newId(), 0, Baskets.additions(events))
      tally.events += events
    }),
  orders: {
    make: (id, events) => Effect.promise(() => make(calls, tally, id, events)),
    hot: (id) => promises(compete(calls, tally, id)),
    load: (id) => promises(() => calls.load(id, Baskets.nothing)),
    execute: ({ first }) =>
      promises(async (n) => {
        await calls.execute(Baskets.numbered(first + n), n)
        tally.events++
      })
  }
})

/** A statement has 65,535 parameters at most. */
const CHUNK = 1_000

const make = async (calls: Calls, tally: Tally, id: string, count: number) => {
  let revision = 0
  for (const events of Arr.chunksOf(Baskets.history(count), CHUNK)) {
    await calls.append(id, revision, events)
    revision += events.length
    tally.events += events.length
  }
}

/**
 * The writers share the newest state that any of them knows, as those of one host would; who loses reads
 * only what came after.
 */
const compete = (calls: Calls, tally: Tally, id: string) => {
  let newest = Baskets.nothing
  const learn = (known: Baskets.Known) => {
    if (known.revision > newest.revision) newest = known
  }
  return async (n: number) => {
    if (newest.revision === 0) learn(await calls.load(id, newest))
    while (true) {
      const known = newest
      const event = Baskets.decide(n, known.state)
      try {
        await calls.append(id, known.revision, [event])
        tally.events++
        learn(Baskets.fold(known, [event]))
        return
      } catch (error) {
        if (!calls.isConflict(error)) throw error
        learn(await calls.load(id, known))
      }
    }
  }
}
