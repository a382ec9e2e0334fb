/**
 * The events that a follower of the log, or of a stream, has still to read; counted by reading them
 * where a driver has no faster way.
 */
import * as Position from "@daybook/kernel/Position"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import type { Revision } from "@daybook/kernel/Revision"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Counted, EventStoreDriver, Page } from "../../driver/EventStoreDriver.ts"
import type { ReadError } from "../../EventStore.ts"
import { type Backlog, type BacklogOptions, MAX_BACKLOG } from "../../Subscription.ts"
import { revisionAsOf } from "./asOf.ts"
import { failed } from "./failed.ts"
import { matchesNothing, next } from "./read.ts"
import { readOptions } from "./readOptions.ts"
import { ofCategories } from "./streamPrefix.ts"

export const backlog = <E>(
  driver: EventStoreDriver<E>,
  options: BacklogOptions
): Effect.Effect<Backlog, ReadError> =>
  Effect.flatMap(Effect.fromResult(readOptions(options)), (options) =>
    Effect.mapError(
      Effect.gen(function* () {
        const settled = yield* driver.settled()
        const { streamId } = options
        const { events, since } =
          matchesNothing(options) ||
          (streamId !== undefined && !ofCategories(streamId, options.categories))
            ? nothing
            : yield* driver.count === undefined
                ? byReading(driver, options, settled)
                : driver.count(options, settled)
        return {
          events: Math.min(events, MAX_BACKLOG),
          // Appends take turns on a stream, not on the log: the earliest may not be the first.
          since: Option.map(Option.fromUndefinedOr(since), DateTime.makeUnsafe),
          head: settled
        }
      }),
      failed("backlog")
    )
  )

const nothing: Counted = { events: 0, since: undefined }

const byReading = Effect.fnUntraced(function* <E>(
  driver: EventStoreDriver<E>,
  { after = Position.start, afterRevision, categories, streamId, types }: BacklogOptions,
  settled: Position.Position
): Effect.fn.Return<Counted, E> {
  if (streamId === undefined) {
    const read = driver.log({ categories, types })
    return yield* count(next(after, 1), settled, read, (position) => next(position, 1))
  }
  const end = yield* driver.end(streamId)
  if (end === undefined) return nothing
  const seen = yield* revisionAsOf(driver, streamId, end.revision, {
    _tag: "Position",
    position: after
  })
  // The casts add only the brands.
  const lowest = (Math.max(seen, afterRevision ?? 0) + 1) as Revision
  const read = driver.stream({ streamId, types })
  return yield* count(lowest, end.revision, read, (revision) => (revision + 1) as Revision)
})

const count = Effect.fnUntraced(function* <Place extends number | bigint, E>(
  start: Place,
  highest: Place,
  read: (range: {
    readonly lowest: Place
    readonly highest: Place
    readonly direction: "forward"
    readonly limit: number
  }) => Effect.Effect<Page<Place>, E>,
  following: (place: Place) => Place
): Effect.fn.Return<Counted, E> {
  let counted = nothing
  let lowest = start
  while (lowest <= highest && counted.events < MAX_BACKLOG) {
    const limit = MAX_BACKLOG - counted.events
    const page = yield* read({ lowest, highest, direction: "forward", limit })
    counted = page.events.reduce(withEvent, counted)
    lowest = following(page.readTo)
  }
  return counted
})

const withEvent = ({ events, since }: Counted, { recordedAt }: RecordedEvent): Counted => {
  const millis = DateTime.toEpochMillis(recordedAt)
  return { events: events + 1, since: Math.min(since ?? millis, millis) }
}
