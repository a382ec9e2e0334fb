/**
 * The reads of every store: options are checked, and pages become streams.
 *
 * Each page is read on its own: a driver holds neither a cursor nor a connection while the reader
 * works.
 */
import * as Position from "@daybook/kernel/Position"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import type { Revision } from "@daybook/kernel/Revision"
import type { StreamId } from "@daybook/kernel/StreamId"
import * as Arr from "effect/Array"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type {
  AsOf,
  EventStoreDriver,
  LogFilter,
  Range,
  ReadPage
} from "../../driver/EventStoreDriver.ts"
import {
  type EventStore,
  type EventStoreError,
  type InvalidReadOption,
  MAX_REVISION,
  type ReadError,
  type ReadAllOptions,
  type ReadOptions,
  type Until,
  type StreamFacts,
  type StreamsOptions
} from "../../EventStore.ts"
import { positionAsOf, revisionAsOf } from "./asOf.ts"
import { failed } from "./failed.ts"
import { inSpan, streamInSpan } from "./inSpan.ts"
import * as OneHistory from "./oneHistory.ts"
import * as Paged from "./paged.ts"
import * as ReadAhead from "./readAhead.ts"
import { eventIds, readOptions, streamsOptions, validStreamId } from "./readOptions.ts"
import { wholePrefix } from "./streamPrefix.ts"

/** The most streams in a page of a listing: 10 to 25 ms in Postgres. */
const PAGE_STREAMS = 500

export const make = <E>(
  driver: EventStoreDriver<E>
): Pick<EventStore["Service"], "find" | "read" | "readAll" | "stream" | "streams"> => ({
  read: (streamId, options = {}) =>
    streamInSpan(
      () => checked(readOptions(options, streamId), () => read(driver, streamId, options)),
      "EventStore.read",
      () => ({ attributes: { "daybook.stream": streamId } })
    ),
  readAll: (options = {}) =>
    streamInSpan(
      () => checked(readOptions(options), () => readAll(driver, options)),
      "EventStore.readAll"
    ),
  streams: (options = {}) =>
    streamInSpan(
      () => checked(streamsOptions(options), () => streams(driver, options)),
      "EventStore.streams"
    ),
  stream: (streamId) =>
    inSpan(
      Effect.flatMap(Effect.fromResult(validStreamId(streamId)), (valid) =>
        Effect.mapBoth(driver.end(valid), {
          onSuccess: (end) => Option.map(Option.fromUndefinedOr(end), factsOf),
          onFailure: failed("stream")
        })
      ),
      "EventStore.stream",
      () => ({ attributes: { "daybook.stream": streamId } })
    ),
  find: (ids) =>
    inSpan(
      Effect.suspend((): ReturnType<EventStore["Service"]["find"]> => {
        const valid = eventIds(ids)
        return Result.isFailure(valid)
          ? Effect.fail(valid.failure)
          : Effect.mapError(driver.find(valid.success), failed("find"))
      }),
      "EventStore.find",
      () => ({ attributes: { "daybook.events": ids.length } })
    )
})

/** Without what else a driver knows of the stream. */
const factsOf = (found: StreamFacts): StreamFacts => ({
  streamId: found.streamId,
  revision: found.revision,
  position: found.position,
  occurredAt: found.occurredAt,
  recordedAt: found.recordedAt
})

/** Opens the stream if the options are valid. */
const checked = <A>(
  valid: Result.Result<unknown, InvalidReadOption>,
  open: () => Stream.Stream<A, EventStoreError>
): Stream.Stream<A, ReadError> => (Result.isFailure(valid) ? Stream.fail(valid.failure) : open())

const read = <E>(
  driver: EventStoreDriver<E>,
  streamId: StreamId,
  { direction = "forward", from, limit, to, types, until }: ReadOptions
): Stream.Stream<RecordedEvent, EventStoreError> => {
  if (types?.length === 0) return Stream.empty
  // The numbers are checked, so the casts add only the brands.
  const lowest = Math.max(1, Math.min(from ?? 1, MAX_REVISION)) as Revision
  const upTo = Math.min(to ?? MAX_REVISION, MAX_REVISION) as Revision
  const readUpTo = (highest: Revision) =>
    pages(
      driver,
      driver.stream({ streamId, types }),
      { lowest, highest, direction, limit: limit ?? Number.MAX_SAFE_INTEGER },
      (revision, step) => (revision + step) as Revision,
      failed("read")
    )
  const readUpToEnd = (end: Effect.Effect<Revision, E>) =>
    Stream.unwrap(Effect.mapBoth(end, { onSuccess: readUpTo, onFailure: failed("read") }))
  if (until !== undefined) {
    return readUpToEnd(revisionAsOf(driver, streamId, upTo, boundOf(until)))
  }
  return types === undefined
    ? readUpTo(upTo)
    : // A search for types ends at the present end.
      readUpToEnd(Effect.map(driver.end(streamId, upTo), (end) => end?.revision ?? (0 as Revision)))
}

const boundOf = (until: Until): AsOf =>
  until.occurredAt === undefined
    ? { _tag: "RecordedAt", millis: DateTime.toEpochMillis(until.recordedAt) }
    : { _tag: "OccurredAt", millis: DateTime.toEpochMillis(until.occurredAt) }

const readAll = <E>(
  driver: EventStoreDriver<E>,
  {
    after = Position.start,
    direction = "forward",
    limit,
    recordedAt,
    upTo,
    ...filter
  }: ReadAllOptions
): Stream.Stream<RecordedEvent, EventStoreError> => {
  if (matchesNothing(filter)) return Stream.empty
  const failedReadAll = failed("readAll")
  const rangeOf = Effect.gen(function* () {
    const settled = yield* driver.settled(upTo)
    const asOf = (instant: DateTime.Utc | undefined, otherwise: Position.Position) =>
      instant === undefined ? Effect.succeed(otherwise) : positionAsOf(driver, settled, instant)
    const least = yield* asOf(recordedAt?.after, after)
    const most = yield* asOf(recordedAt?.upTo, settled)
    const range: Range<Position.Position> = {
      lowest: next(least > after ? least : after, 1),
      highest: upTo !== undefined && upTo < most ? upTo : most,
      direction,
      limit: limit ?? Number.MAX_SAFE_INTEGER
    }
    return range
  })
  return Stream.unwrap(
    Effect.mapBoth(OneHistory.stably(driver.term ?? OneHistory.only, rangeOf), {
      onSuccess: ([range, term]) =>
        pages(driver, driver.log(filter), range, next, failedReadAll, term),
      onFailure: failedReadAll
    })
  )
}

/** Returns true if no event can match, so that there is nothing to read. */
export const matchesNothing = ({ categories, types }: LogFilter): boolean =>
  categories?.length === 0 || types?.length === 0

/** Returns the neighbour of a position. The cast adds the brand, also past the last position. */
export const next = (position: Position.Position, step: 1 | -1): Position.Position =>
  (position + BigInt(step)) as Position.Position

/** The rest of a read, and the term of its pages; undefined before the first. */
interface Rest<Place> {
  readonly range: Range<Place>
  readonly term: number | undefined
}

/** Reads pages from one end of a range to the other. */
const pages = <Place extends number | bigint, E>(
  {
    term: termOf = OneHistory.only,
    inTransaction = Effect.succeed(false),
    readsAhead = true
  }: EventStoreDriver<E>,
  readPage: ReadPage<Place, E>,
  range: Range<Place>,
  neighbour: (place: Place, step: 1 | -1) => Place,
  onFailure: (cause: E | OneHistory.ServerChanged) => EventStoreError,
  term?: number
): Stream.Stream<RecordedEvent, EventStoreError> => {
  const readFrom = ({
    term,
    range
  }: Rest<Place>): Effect.Effect<ReadAhead.Page<RecordedEvent, Rest<Place>>, EventStoreError> =>
    isEmpty(range)
      ? Effect.succeed([[], Option.none()])
      : Effect.flatMap(
          Effect.mapError(OneHistory.stably(termOf, readPage(range)), onFailure),
          ([{ events, readTo }, found]) => {
            if (term !== undefined && term !== found) {
              return Effect.fail(onFailure(new OneHistory.ServerChanged()))
            }
            const limit = range.limit - events.length
            const rest =
              range.direction === "forward"
                ? { ...range, lowest: neighbour(readTo, 1), limit }
                : { ...range, highest: neighbour(readTo, -1), limit }
            return Effect.succeed([
              events,
              isEmpty(rest) ? Option.none() : Option.some({ range: rest, term: found })
            ] as const)
          }
        )
  const pagesFrom = (start: Rest<Place>, isFirst: boolean) =>
    readsAhead
      ? ReadAhead.paginate(start, readFrom, { ready: () => true, alone: inTransaction, isFirst })
      : Stream.paginate(start, readFrom)
  const start = { range, term }
  return Paged.make(pagesFrom(start, true), (use) =>
    Effect.flatMap(readFrom(start), ([events, rest]) => {
      const used = Arr.isReadonlyArrayNonEmpty(events) ? use(events) : Effect.void
      return Option.isNone(rest)
        ? used
        : Effect.andThen(used, Stream.runForEachArray(pagesFrom(rest.value, false), use))
    })
  )
}

const isEmpty = <Place>({ highest, limit, lowest }: Range<Place>) => limit <= 0 || lowest > highest

const streams = <E>(
  driver: EventStoreDriver<E>,
  options: StreamsOptions
): Stream.Stream<StreamFacts, EventStoreError> => {
  const prefix = wholePrefix(options)
  if (prefix === undefined) return Stream.empty
  const { after, limit = Number.MAX_SAFE_INTEGER } = options
  return Stream.paginate({ after, left: limit }, ({ after, left }) => {
    const size = Math.min(left, PAGE_STREAMS)
    if (size === 0) return Effect.succeed([[], Option.none()] as const)
    return Effect.mapBoth(driver.streams({ prefix, after, limit: size }), {
      onSuccess: (found) => {
        const next = { after: found.at(-1)?.streamId, left: left - found.length }
        return [
          found.map(factsOf),
          found.length < size ? Option.none() : Option.some(next)
        ] as const
      },
      onFailure: failed("streams")
    })
  })
}
