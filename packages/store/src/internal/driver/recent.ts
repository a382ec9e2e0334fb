/**
 * The events that followers have read last. After the primary is another server they are looked
 * for there, since a checkpoint proves the last event before it and no other: one that was recorded
 * before it may have been committed after it, and be lost alone.
 */
import * as EventMark from "@daybook/kernel/EventMark"
import type * as Position from "@daybook/kernel/Position"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as Semaphore from "effect/Semaphore"
import type { Reads } from "../../driver/EventStoreDriver.ts"
import { next } from "./read.ts"

/** The number of events: more than appends that are open at one time have. */
const MAX_RECENT = 1_000

const lostEvents = Metric.counter("daybook_lost_events", {
  description: "Events that followers of this host had read and that a failover has lost"
})

interface Loss {
  /** The term in which it was found. */
  readonly term: number
  readonly position: Position.Position
  readonly given: EventMark.EventMark
}

export interface Recent<E> {
  /** Notes events that a follower at the end of the log was given. */
  readonly noteUnsafe: (events: ReadonlyArray<RecordedEvent>) => void
  /** Looks for the noted events, once in a term. */
  readonly check: Effect.Effect<void, E>
  /** Returns a loss up to `position` that was found after a term. */
  readonly lossUnsafe: (term: number, position: Position.Position) => Loss | undefined
}

export const make = <E>(reads: Pick<Reads<E>, "log">, term: () => number): Recent<E> => {
  const noted = new Map<Position.Position, EventMark.EventMark>()
  const turn = Semaphore.makeUnsafe(1)
  let losses: ReadonlyArray<Loss> = []
  let checked = term()

  const look = Effect.fnUntraced(function* () {
    const now = term()
    if (checked === now) return
    const positions = Array.from(noted.keys()).toSorted((one, other) => (one < other ? -1 : 1))
    const [lowest] = positions
    const highest = positions.at(-1)
    const left = new Map(noted)
    if (lowest !== undefined && highest !== undefined) {
      const read = reads.log({})
      for (let from = lowest; from <= highest;) {
        const { events, readTo } = yield* read({
          lowest: from,
          highest,
          direction: "forward",
          limit: Number.MAX_SAFE_INTEGER
        })
        for (const event of events) {
          if (left.get(event.position) === EventMark.of(event)) left.delete(event.position)
        }
        from = next(readTo, 1)
      }
    }
    // Another change: the next poll looks again.
    if (term() !== now) return
    checked = now
    for (const position of left.keys()) noted.delete(position)
    const found = Array.from(left, ([position, given]): Loss => ({
      term: now,
      position,
      given
    }))
    losses = [...losses, ...found].slice(-MAX_RECENT)
    const [first] = found
    if (first === undefined) return
    yield* Metric.update(lostEvents, found.length)
    yield* Effect.logError(
      `The primary has lost ${found.length} events that this host has read, such as event ${EventMark.eventId(first.given)} at position ${first.position}`
    )
  })

  return {
    noteUnsafe: (events) => {
      for (const event of events.slice(-MAX_RECENT)) noted.set(event.position, EventMark.of(event))
      for (const oldest of noted.keys()) {
        if (noted.size <= MAX_RECENT) break
        noted.delete(oldest)
      }
    },
    check: Effect.suspend(() =>
      checked === term() ? Effect.void : Semaphore.withPermits(turn, 1)(look())
    ),
    lossUnsafe: (after, position) =>
      losses.find((loss) => loss.term > after && loss.position <= position)
  }
}
