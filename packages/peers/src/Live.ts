/**
 * Measures the delay from a commit to a live subscriber: appends at a fixed rate, independent of
 * the answers, and takes the time from each answer to the event's arrival.
 */
import * as Sample from "@daybook/benchmarks/Sample"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Baskets from "./Baskets.ts"
import type { Live } from "./Contender.ts"
import type { Drive, Round } from "./Drive.ts"

/** The number of appends a second. */
export const RATE = 1_000

/** An event counts as missed when none arrives for this long: ten times the longest polling. */
const PATIENCE = Duration.seconds(10)

const POLL = Duration.millis(20)

/** Appends events until the subscriber, which may begin late, has seen one. */
const ready = Effect.fnUntraced(function* (
  append: (id: string) => Effect.Effect<void>,
  hasSeen: () => boolean
) {
  while (!hasSeen()) {
    yield* append(Baskets.newId())
    yield* Effect.sleep(POLL)
  }
})

/** Measures the delay; ignores `concurrency` and `limit`. */
export const drive = (live: Live): Drive =>
  Effect.fnUntraced(
    function* ({ seconds }) {
      const clock = yield* Clock.Clock
      const seen = new Map<string, bigint>()
      const append = yield* live((id) => void seen.set(id, clock.currentTimeNanosUnsafe()))
      yield* Effect.timeout(
        ready(append, () => seen.size > 0),
        PATIENCE
      )
      const committed = new Map<string, bigint>()
      const start = clock.currentTimeNanosUnsafe()
      yield* Effect.forEach(
        Array.from({ length: Math.ceil(RATE * seconds) }, Baskets.newId),
        (id, n) =>
          append(id).pipe(
            Effect.tap(() => Effect.sync(() => committed.set(id, clock.currentTimeNanosUnsafe()))),
            Effect.delay(Duration.millis((n * 1_000) / RATE))
          ),
        { concurrency: "unbounded", discard: true }
      )
      const elapsed = clock.currentTimeNanosUnsafe() - start
      const missing = () => Array.from(committed.keys()).filter((id) => !seen.has(id)).length
      let seenBefore = -1
      let waited = Duration.zero
      while (missing() > 0 && Duration.isLessThan(waited, PATIENCE)) {
        waited = seen.size > seenBefore ? Duration.zero : Duration.sum(waited, POLL)
        seenBefore = seen.size
        yield* Effect.sleep(POLL)
      }
      const latencies = Array.from(committed).flatMap(([id, at]) => {
        const then = seen.get(id)
        // An event may arrive before its writer has the answer.
        return then === undefined ? [] : [then > at ? then - at : 0n]
      })
      const round: Round = { ...Sample.summary(latencies, elapsed), missed: missing() }
      return round
    },
    Effect.scoped,
    Effect.orDie
  )
