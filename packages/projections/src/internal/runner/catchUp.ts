/**
 * Catches a held generation up to a position, or to the settled end of the log.
 */
import type { EventStoreError } from "@daybook/store/EventStore"
import * as EventMark from "@daybook/kernel/EventMark"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { ClaimLost, ReadModelStoreError } from "../../ReadModelError.ts"
import type { GenerationState, Reached } from "../../driver/ReadModelGeneration.ts"
import { type ClaimedModel, merge, type Page, type Stopped } from "./advance.ts"
import * as History from "./history.ts"
import { makePageApplier } from "./applyPages.ts"
import { categoriesOf, type Runner } from "./runner.ts"

/** The number of chunks of events that are read ahead, and folded in one step if they are ready. */
const CHUNKS_AHEAD = 2

interface CatchUp {
  readonly role: GenerationState["role"]
  readonly upTo?: Reached | undefined
  /** True inside a transaction of the store, whose one connection runs one statement at a time. */
  readonly inTransaction?: boolean
}

/**
 * Folds all events up to `upTo`, or up to the position that is settled when it begins, and does not
 * wait for open appends: they may last, and a switch holds the tables meanwhile. Afterwards the
 * checkpoint is there. Returns the number of events.
 */
export const catchUpTo = Effect.fnUntraced(function* (
  runner: Runner,
  held: ClaimedModel,
  { inTransaction = false, role, upTo }: CatchUp
): Effect.fn.Return<number, Stopped | ClaimLost | EventStoreError | ReadModelStoreError> {
  const { position: after } = History.first(held.checkpoints)
  const end = upTo ?? (yield* runner.events.checkpoint)
  const take = yield* makePageApplier(runner, held, role, inTransaction ? 1 : "unbounded")
  // Checked after a page is read, and before it is folded.
  const stillFits = Effect.suspend(() =>
    History.stillFits(runner.events, held.log, held.checkpoints)
  )
  if (end.position <= after) return yield* Effect.as(stillFits, 0)
  let events = 0
  const pages = runner.events
    .readAll({ after, upTo: end.position, categories: categoriesOf(held.model) })
    .pipe(
      // The options above are built here, within their ranges.
      Stream.catchTag("InvalidReadOption", Stream.die),
      Stream.chunks,
      Stream.map((chunk): Page => {
        const last = Arr.lastNonEmpty(chunk)
        return { events: chunk, position: last.position, event: EventMark.of(last) }
      })
    )
  yield* (inTransaction ? pages : Stream.buffer(pages, { capacity: CHUNKS_AHEAD })).pipe(
    Stream.runForEachArray((pages) => {
      const page = merge(pages)
      events += page.events.length
      return Effect.andThen(stillFits, take(page))
    })
  )
  yield* stillFits
  // Partitions that an earlier holder left at different positions meet here.
  yield* take({ events: [], position: end.position, event: end.event })
  return events
})
