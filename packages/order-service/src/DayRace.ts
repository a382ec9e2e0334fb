/**
 * Lets two clerks change the same order at the same moment, and records their conflicts.
 *
 * @since 0.1.0
 */
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import { CurrentMetadata } from "@daybook/store/CommandHandler"
import type { WrongExpectedRevision } from "@daybook/store/EventStore"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import type * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as DayAnswers from "./DayAnswers.ts"
import type { Request } from "./DayScript.ts"
import { Orders } from "./Orders.ts"

/** The most attempts that a clerk loses, each to another request. */
const MAX_LOST = 64

/** A request that lost because another one had changed the order. */
interface Lost {
  readonly actual: number
  readonly between: ReadonlyArray<RecordedEvent>
}

/**
 * The attempts and the answer of one clerk.
 *
 * @category types
 * @since 0.1.0
 */
export interface Runner {
  readonly request: Request
  /** The attempts that lost; empty for a clerk who won at once. */
  readonly lost: ReadonlyArray<Lost>
  readonly answer: DayAnswers.Answered
}

/**
 * Runs both requests and returns them in the order in which they finished.
 *
 * **Details**
 * The race is real: both clerks have seen the order at the same revision, each request requires it,
 * and the order takes the one that comes first. The other clerk looks at what came between, and
 * asks again for the order as it is then.
 *
 * @category operations
 * @since 0.1.0
 */
export const run = Effect.fn("DayRace.run")(function* (
  id: string,
  requests: readonly [Request, Request],
  occurredAt: DateTime.Utc
) {
  const orders = yield* Orders
  const { revision } = yield* orders.load(id)
  const finished: Array<Runner> = []

  const race = Effect.fnUntraced(function* (request: Request) {
    const lost: Array<WrongExpectedRevision> = []
    const attempt = Effect.suspend(() =>
      orders.execute(id, [{ command: request.command, occurredAt }], {
        expected: ExpectedRevision.exactly(lost.at(-1)?.actual ?? revision)
      })
    ).pipe(Effect.provideService(CurrentMetadata, { actor: request.clerk }))
    const answers = yield* Effect.retry(attempt, {
      times: MAX_LOST,
      while: (error) => {
        if (error._tag !== "WrongExpectedRevision") return false
        lost.push(error)
        return true
      }
    })
    finished.push({ request, lost, answer: yield* DayAnswers.answered(id, answers) })
  })

  const shuffled = yield* Random.shuffle(requests)
  yield* Effect.forEach(shuffled, race, { concurrency: "unbounded", discard: true })
  return finished
})
