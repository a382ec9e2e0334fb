/**
 * Builds a contender from the few calls of a library with promises.
 */
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Baskets from "./Baskets.ts"
import type { Contender, Orders, Tally } from "./Contender.ts"
import { promises } from "./Drive.ts"

/** The calls of the library; an id is the id of an order. */
export interface Calls {
  /** Appends at exactly this revision; 0 is a new order. */
  readonly append: (
    id: string,
    revision: number,
    events: Arr.NonEmptyReadonlyArray<Baskets.Stored>
  ) => Promise<unknown>
  /** Reads the events after `known`, and folds them. */
  readonly load: (id: string, known: Baskets.Known) => Promise<Baskets.Known>
  /** Reads, decides the nth command and appends, in the library's own way. */
  readonly execute: (id: string, n: number) => Promise<unknown>
  /** Tests if an append failed because another writer was faster. */
  readonly isConflict: (error: unknown) => boolean
}

/** Builds the work from these calls. */
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

/** The most events of an append: a statement has 65,535 parameters at most. */
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
 * Lets writers compete. They share the newest known state, like the writers of one host; the loser
 * of a race reads only the events after it.
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
