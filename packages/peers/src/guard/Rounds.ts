/**
 * Lets two sides take turns at a row, in several rounds with new processes and databases: a process
 * keeps its luck, such as the places of its objects and the code that was compiled first.
 */
import * as PostgresServer from "@daybook/testing/PostgresServer"
import * as Effect from "effect/Effect"
import type { Outcome, Pair } from "./Comparison.ts"
import type { Row } from "./Row.ts"
import * as Side from "./Side.ts"

/** The settings of a run. */
export interface Options {
  readonly rounds: number
  /** The time of a turn. */
  readonly seconds: number
}

const WARM_UP_SECONDS = 0.3

/** The turns of each side in a round. */
const TURNS = 2

/** Runs a row; fails if the present does not offer it. */
export const run = Effect.fnUntraced(function* (
  row: Row,
  sides: { readonly present: Side.Side; readonly base: Side.Side },
  { rounds, seconds }: Options
) {
  const pairs: Array<Pair> = []
  const round = Effect.fnUntraced(function* (number: number) {
    const present = yield* Side.start(sides.present, row, yield* PostgresServer.freshDatabase)
    const base = yield* Side.start(sides.base, row, yield* PostgresServer.freshDatabase)
    yield* present(WARM_UP_SECONDS)
    yield* base(WARM_UP_SECONDS)
    for (let turn = 0; turn < TURNS; turn++) {
      // Each is as often the first of a pair as the other.
      const isFirst = (number + turn) % 2 === 0
      const before = isFirst ? yield* present(seconds) : undefined
      const of = yield* base(seconds)
      pairs.push({ base: of, present: before ?? (yield* present(seconds)) })
    }
  }, Effect.scoped)
  return yield* Effect.gen(function* () {
    for (let number = 0; number < rounds; number++) yield* round(number)
    const outcome: Outcome = { row, pairs }
    return outcome
  }).pipe(
    Effect.catchTag("NotOffered", (error) => {
      const outcome: Outcome = { row, notOffered: error.reason }
      return error.side === "base" ? Effect.succeed(outcome) : Effect.fail(error)
    })
  )
})
