/**
 * Taking a generation forward by a page of the log.
 */
import type * as Position from "@daybook/kernel/Position"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as Arr from "effect/Array"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { ClaimLost, ReadModelStoreError } from "../ReadModelError.ts"
import type { Claim, Poison } from "../ReadModelGeneration.ts"
import type { ReadModelStore } from "../ReadModelStore.ts"
import { partitionOf } from "./partition.ts"
import {
  type AnyModel,
  type Batch,
  countRecorded,
  fold,
  part,
  prepare,
  touchedKeys
} from "./rowFold.ts"

/** An event can't be folded; the checkpoint is before it. */
export class Stopped extends Data.TaggedError("Stopped")<{ readonly poison: Poison }> {}

/** A claimed generation with what its holder knows of it. */
export interface Held {
  readonly model: AnyModel
  readonly claim: Claim
  /** By partition; moved on by `advance`. */
  readonly checkpoints: Array<Position.Position>
  readonly skipped: ReadonlySet<Position.Position>
}

/** The next events of the log, all of the sources up to `position`. */
export interface Page {
  readonly events: ReadonlyArray<RecordedEvent>
  readonly position: Position.Position
}

/** One page of several; each event once, though a page may come again. */
export const merge = (pages: Arr.NonEmptyReadonlyArray<Page>): Page => {
  if (pages.length === 1) return pages[0]
  let { position } = pages[0]
  const events = Array.from(pages[0].events)
  for (const page of pages.slice(1)) {
    const from = position
    for (const event of page.events) if (event.position > from) events.push(event)
    if (page.position > position) position = page.position
  }
  return { events, position }
}

/**
 * Steps all partitions to the end of the page, at the same time.
 *
 * What is before an event that can't be folded is written first, so that the event is the next one.
 */
export const advance = Effect.fnUntraced(function* (
  store: ReadModelStore["Service"],
  held: Held,
  page: Page,
  options: { readonly eventsPerSecond: number; readonly concurrency: 1 | "unbounded" }
): Effect.fn.Return<void, Stopped | ClaimLost | ReadModelStoreError> {
  const { concurrency, eventsPerSecond } = options
  const batch = prepare(held.model, page.events, held.skipped)
  // All of them, though one stops: the others are as far as they would be without it.
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
  { checkpoints, claim, model }: Held,
  page: Page,
  batch: Batch<unknown, object>,
  partition: number,
  eventsPerSecond: number
): Effect.fn.Return<void, Stopped | ClaimLost | ReadModelStoreError> {
  const partitions = checkpoints.length
  const from = Arr.getUnsafe(checkpoints, partition)
  if (from >= page.position) return
  const first = page.events[0]?.position ?? page.position
  let poison = batch.poison
  for (;;) {
    const before = poison?.position
    const to =
      before === undefined
        ? page.position
        : page.events.reduce(
            (last, { position }) => (position < before && position > last ? position : last),
            from
          )
    if (to > from) {
      // Mostly it is all of them.
      const isWhole = partitions === 1 && before === undefined && from < first
      const own = isWhole
        ? batch
        : part(batch, {
            after: from,
            before,
            owns: (text) => partitions === 1 || partitionOf(text, partitions) === partition
          })
      const stepped = yield* Effect.result(
        store.step(model.table, claim, {
          partition,
          from,
          to,
          keys: touchedKeys(own),
          fold: (rows) =>
            Result.mapError(fold(model, own, rows), (at) => new Stopped({ poison: at })),
          events: countRecorded(own),
          eventsPerSecond
        })
      )
      if (Result.isFailure(stepped)) {
        const { failure } = stepped
        // A later look may find an earlier one only: each goes back in the page.
        if (failure._tag !== "Stopped") return yield* failure
        poison = failure.poison
        continue
      }
      checkpoints[partition] = to
    }
    if (poison !== undefined) return yield* new Stopped({ poison })
    return
  }
})
