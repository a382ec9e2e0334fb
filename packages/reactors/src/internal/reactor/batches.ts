/**
 * Reacts to the events of a range in batches. A batch is prepared while the one before is under
 * way.
 */
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Stream from "effect/Stream"
import type { Assignment, Page } from "../../ConsumerGroups.ts"
import type { Together } from "../../Reactor.ts"
import { checkpointAt } from "./checkpointAt.ts"
import { hand } from "./hand.ts"
import type { Lanes } from "./lanes.ts"
import type { Releasing } from "./release.ts"

/**
 * The most pages that are read ahead of the batch that is prepared. On one of four hosts a page has
 * a fourth of its events left, so four of them make a batch.
 */
const PAGES_AHEAD = 4

/** A page, and the reaction to its events if it has any. */
interface Batch<R> extends Page {
  readonly reaction: Effect.Effect<ReadonlySet<RecordedEvent>, unknown, R>
}

/** Hands out the pages of a range; fails as they do. */
export const inBatches = <R>(
  releasing: Releasing<R>,
  lanes: Lanes,
  { most, prepare }: Together<R>
) => {
  const prepared = (page: Page) => {
    const { events } = page
    if (!Arr.isReadonlyArrayNonEmpty(events)) {
      return Effect.succeed<Batch<R>>({ ...page, reaction: Effect.succeed(NONE) })
    }
    // A function that throws leaves its events, as a reaction that fails does.
    return Effect.map(Effect.exit(Effect.sync(() => prepare(events))), (exit): Batch<R> => ({
      ...page,
      reaction: Exit.isSuccess(exit) ? exit.value : Effect.failCause(exit.cause)
    }))
  }
  return releasing.assignment.pages.pipe(
    Stream.buffer({ capacity: PAGES_AHEAD }),
    Stream.mapArray((pages) => divided(releasing.assignment, pages, most)),
    Stream.mapEffect(prepared),
    Stream.buffer({ capacity: 1 }),
    Stream.runForEach((batch) => handBatch(releasing, lanes, batch))
  )
}

const NONE: ReadonlySet<RecordedEvent> = new Set()

const handBatch = Effect.fnUntraced(function* <R>(
  releasing: Releasing<R>,
  lanes: Lanes,
  batch: Batch<R>
) {
  const { assignment, attempt, held } = releasing
  const { checkpoint, events, reaction } = batch
  const last = events.at(-1)
  // Events of the lanes may be of the same keys. A parked key waits in the log.
  const isFree =
    lanes.idle.isOpen() &&
    held.tryingUnsafe() === 0 &&
    (held.parked.size === 0 ||
      !events.some((event) => assignment.keysOf(event).some((key) => held.parked.has(key))))
  if (last === undefined || !isFree) return yield* hand(releasing, lanes, batch)
  const left = yield* attempt.together(events, reaction)
  if (left.size > 0) return yield* hand(releasing, lanes, batch, left)
  held.passedUnsafe(checkpoint.position)
  lanes.passUnsafe(last)
  lanes.passUnsafe(checkpoint)
})

/** Makes pages of at most `most` events, of about one size, out of those that are ready. */
const divided = (
  assignment: Pick<Assignment, "checkpoint">,
  pages: Arr.NonEmptyReadonlyArray<Page>,
  most: number
): Arr.NonEmptyReadonlyArray<Page> => {
  const { checkpoint } = Arr.lastNonEmpty(pages)
  const events = pages.length === 1 ? pages[0].events : pages.flatMap((page) => page.events)
  const parts = Math.max(1, Math.ceil(events.length / Math.max(1, most)))
  const size = Math.ceil(events.length / parts)
  const made: Array<Page> = []
  let from = 0
  for (; events.length - from > size; from += size) {
    const some = events.slice(from, from + size)
    made.push({ events: some, checkpoint: checkpointAt(assignment, Arr.getUnsafe(some, size - 1)) })
  }
  return Arr.append(made, { events: from === 0 ? events : events.slice(from), checkpoint })
}
