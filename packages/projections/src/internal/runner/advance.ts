/**
 * Advances a generation by a page of the log.
 */
import * as EventMark from "@daybook/kernel/EventMark"
import type { LogId } from "@daybook/kernel/LogId"
import type * as Position from "@daybook/kernel/Position"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as Arr from "effect/Array"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import * as Result from "effect/Result"
import type { ClaimLost, ReadModelStoreError } from "../../ReadModelError.ts"
import type { Claim, Poison, Reached } from "../../driver/ReadModelGeneration.ts"
import type { ReadModelStore } from "../../ReadModelStore.ts"
import { partitionOf } from "../fold/partition.ts"
import {
  type AnyModel,
  type Batch,
  countRecorded,
  fold,
  part,
  prepare,
  touchedKeys
} from "../fold/rowFold.ts"
import { tooMany, tooManyAt } from "../fold/stepSize.ts"

/** An event can't be folded; the checkpoint stays before it. */
export class Stopped extends Data.TaggedError("Stopped")<{ readonly poison: Poison }> {}

/** A claimed generation, as its holder knows it. */
export interface ClaimedModel {
  readonly model: AnyModel
  readonly claim: Claim
  /** The log that the rows are folded from. */
  readonly log: Option.Option<LogId>
  /** The checkpoints by partition; `advance` moves them. */
  readonly checkpoints: Array<Reached>
  readonly skipped: ReadonlySet<EventMark.EventMark>
}

/** The next events of the log: all of the sources up to `position`, and the last event there. */
export interface Page extends Reached {
  readonly events: ReadonlyArray<RecordedEvent>
}

/** Merges pages into one; each event appears once, even if a page was delivered twice. */
export const merge = (pages: Arr.NonEmptyReadonlyArray<Page>): Page => {
  if (pages.length === 1) return pages[0]
  let { event, position } = pages[0]
  const events = Array.from(pages[0].events)
  for (const page of pages.slice(1)) {
    const from = position
    for (const one of page.events) if (one.position > from) events.push(one)
    if (page.position > position) ({ event, position } = page)
  }
  return { events, position, event }
}

/**
 * Steps all partitions to the end of the page, at the same time.
 *
 * The events before one that can't be folded are written first, so that it is the next event.
 */
export const advance = Effect.fnUntraced(function* (
  store: ReadModelStore["Service"],
  held: ClaimedModel,
  page: Page,
  options: { readonly eventsPerSecond: number; readonly concurrency: 1 | "unbounded" }
): Effect.fn.Return<void, Stopped | ClaimLost | ReadModelStoreError> {
  const { concurrency, eventsPerSecond } = options
  const batch = prepare(held.model, page.events, held.skipped)
  // All partitions step, even if one stops: the others get as far as they would without it.
  const outcomes = yield* Effect.forEach(
    held.checkpoints,
    (_, partition) =>
      Effect.result(stepPartition(store, held, page, batch, partition, eventsPerSecond)),
    { concurrency }
  )
  yield* Effect.forEach(outcomes, Effect.fromResult, { discard: true })
})

const stepPartition = Effect.fnUntraced(function* (
  store: ReadModelStore["Service"],
  { checkpoints, claim, model }: ClaimedModel,
  page: Page,
  batch: Batch<unknown, object>,
  partition: number,
  eventsPerSecond: number
): Effect.fn.Return<void, Stopped | ClaimLost | ReadModelStoreError> {
  const partitions = checkpoints.length
  let { position: from } = Arr.getUnsafe(checkpoints, partition)
  if (from >= page.position) return
  let poison = batch.poison
  // The position before which the step ends, since it would be too large otherwise.
  let split: Position.Position | undefined
  for (;;) {
    const before = split ?? poison?.position
    const reached = before === undefined ? page : lastBefore(page, before)
    if (reached !== undefined && reached.position > from) {
      const owns = (text: string) => partitions === 1 || partitionOf(text, partitions) === partition
      // Mostly the step is the whole batch.
      const isWhole = partitions === 1 && before === undefined && from < firstOf(page)
      const own = isWhole ? batch : part(batch, { after: from, before, owns })
      const rows = yield* store.load(model.table, claim, {
        partition,
        from,
        keys: touchedKeys(own)
      })
      const folded = fold(model, own, rows)
      if (Result.isFailure(folded)) {
        // A retry can only find an earlier poison, so each retry goes back in the page. The poison
        // lies before the split, so the split no longer applies.
        poison = folded.failure
        split = undefined
        continue
      }
      const changes = folded.success
      const bytes = tooMany(model, changes)
      if (bytes !== undefined) {
        split = middleOf(page, from, before)
        if (split === undefined) return yield* new Stopped({ poison: tooManyAt(own, bytes) })
        continue
      }
      const { event, position: to } = reached
      const events = countRecorded(own)
      const step = { partition, from, to, event, changes, events, eventsPerSecond }
      yield* store.advance(model.table, claim, step)
      checkpoints[partition] = { position: to, event }
      from = to
    }
    if (split !== undefined) split = undefined
    else if (poison !== undefined) return yield* new Stopped({ poison })
    else return
  }
})

const firstOf = ({ events, position }: Page): Position.Position => events[0]?.position ?? position

/** Returns the last event of a page before a position. */
const lastBefore = ({ events }: Page, before: RecordedEvent["position"]): Reached | undefined => {
  let last: RecordedEvent | undefined
  for (const event of events) {
    if (event.position < before && event.position > (last?.position ?? 0n)) last = event
  }
  return last && { position: last.position, event: EventMark.of(last) }
}

/** Returns the position of the middle event after `from`; undefined with fewer than two events. */
const middleOf = (
  { events }: Page,
  from: Position.Position,
  before: Position.Position | undefined
): Position.Position | undefined => {
  const own = events.filter(
    ({ position }) => position > from && (before === undefined || position < before)
  )
  return own.length < 2 ? undefined : own[Math.floor(own.length / 2)]?.position
}
