/**
 * Reads that follow one another and must be answered from one history, on a store whose server may
 * be another one after a failover.
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"

/** Returns the number of the present term; see `Reads.term`. */
export type Term = () => number

/** Of a store that has one history. */
export const only: Term = () => 0

/**
 * A read began on a server that is no longer the primary. The rest would be of the history of
 * another one.
 */
export class ServerChanged extends Data.TaggedError("ServerChanged") {
  override get message() {
    return "The primary changed during the read"
  }
}

/** Runs reads again until their answers are of one term, and returns its number too. */
export const stably = <A, E, R>(
  term: Term,
  reads: Effect.Effect<A, E, R>
): Effect.Effect<readonly [answer: A, term: number], E, R> =>
  Effect.suspend(() => {
    const before = term()
    return Effect.flatMap(reads, (answer) =>
      term() === before ? Effect.succeed([answer, before] as const) : stably(term, reads)
    )
  })
