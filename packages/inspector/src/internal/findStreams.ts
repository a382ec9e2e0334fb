/**
 * Finds streams by what a person typed.
 */
import { NotPossible } from "@daybook/http/Problem"
import * as EventId from "@daybook/kernel/EventId"
import * as Position from "@daybook/kernel/Position"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as StreamId from "@daybook/kernel/StreamId"
import type { EventStore, EventStoreError, StreamFacts } from "@daybook/store/EventStore"
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { EventLine } from "../Answer.ts"
import type { FoundStreams, Reading, StreamLine } from "../StreamAnswer.ts"
import { MAX_SEARCHED } from "../InspectorApi.ts"
import { type ByCategory, line } from "./eventLines.ts"
import { parse, textOf } from "./reading.ts"
import * as Ruler from "./ruler.ts"
import { searchLog } from "./searchLog.ts"
import type { Known, Order, StreamIndex } from "./streamIndex.ts"

const DEFAULT_LIMIT = 100

export interface Query {
  readonly q?: string
  readonly by?: Order
  readonly changedSince?: DateTime.Utc
  readonly offset?: number
  readonly below?: Position.Position
  readonly limit?: number
}

interface Services {
  readonly store: EventStore["Service"]
  readonly presented: ByCategory
  readonly index: Effect.Effect<StreamIndex, never, Scope.Scope>
}

/** The streams of a reading: those of a page, and how many there are. */
type Found = Pick<FoundStreams, "count" | "streams"> &
  Partial<Pick<FoundStreams, "goTo" | "index" | "next" | "offset" | "ruler" | "searched">>

/** The store is asked for so many streams of a page at once. */
const STREAMS_AT_ONCE = 32

export const findStreams = Effect.fnUntraced(function* (
  { index, presented, store }: Services,
  { below, by = "change", changedSince, limit = DEFAULT_LIMIT, offset = 0, q = "" }: Query,
  shown: boolean
): Effect.fn.Return<FoundStreams, EventStoreError | NotPossible, Scope.Scope> {
  const begun = yield* Clock.currentTimeMillis
  const { revision, tried } = parse(q)
  const since = changedSince === undefined ? undefined : DateTime.toEpochMillis(changedSince)
  const lineOf = (event: RecordedEvent) => line(presented, event, { shown })

  const streamLine = Effect.fnUntraced(function* (
    { occurredAt, position, recordedAt, revision: at, streamId }: Known | StreamFacts,
    event?: EventLine
  ) {
    const last =
      event ?? Option.getOrUndefined(Option.map(yield* lastEvent(store, streamId), lineOf))
    const found: StreamLine = {
      streamId,
      category: StreamId.category(streamId),
      revision: at,
      position,
      occurredAt,
      recordedAt,
      ...(last === undefined ? {} : { event: last })
    }
    return found
  })

  /** Selects the streams in memory. */
  const matching = Effect.fnUntraced(function* (reading: Reading) {
    const { state, streams } = yield* (yield* index).ordered(by)
    const takes = matcherOf(reading)
    return {
      state,
      streams: streams.filter(
        ({ recordedAt, streamId }) =>
          takes(streamId) && (since === undefined || DateTime.toEpochMillis(recordedAt) >= since)
      )
    }
  })

  const inIndex = Effect.fnUntraced(function* (reading: Reading) {
    const { state, streams } = yield* matching(reading)
    const isByChange = by === "change"
    const gap = state === "complete" ? {} : { index: state }
    // Without all streams their order by change is unknown, and the log has its end.
    if (isByChange && state !== "complete") return { ...(yield* inLog(reading)), ...gap }
    // A stream that changed since an earlier page stands above its end, and is not repeated.
    const first =
      isByChange && below !== undefined
        ? streams.filter(({ position }) => position >= below).length
        : offset
    const page = streams.slice(first, first + limit)
    const last = page.at(-1)
    const end = first + page.length
    const events = isByChange ? yield* lastEvents(store, page, lineOf) : undefined
    const found: Found = {
      count: { streams: streams.length, exact: state === "complete" },
      offset: first,
      // Reads of many streams at once go to the database together.
      streams: yield* Effect.forEach(page, (one) => streamLine(one, events?.get(one.position)), {
        concurrency: STREAMS_AT_ONCE
      }),
      ...(last === undefined || end >= streams.length
        ? {}
        : {
            next: {
              q: textOf(reading),
              offset: end,
              ...(isByChange ? { below: last.position } : {})
            }
          }),
      ...(isByChange && first === 0 ? { ruler: Ruler.make(streams) } : {}),
      ...gap
    }
    return found
  })

  const byId = Effect.fnUntraced(function* ({ text }: Reading) {
    const streamId = StreamId.fromString(text)
    if (Result.isFailure(streamId)) return nothing
    const facts = yield* store
      .stream(streamId.success)
      .pipe(Effect.catchTag("InvalidReadOption", Effect.die))
    if (Option.isNone(facts)) return nothing
    const found: Found = {
      count: { streams: 1, exact: true },
      streams: [yield* streamLine(facts.value)],
      goTo: {
        streamId: streamId.success,
        // A revision past the end is one that is not there yet: the page says so.
        ...(revision === undefined ? {} : { revision })
      }
    }
    return found
  })

  const byEvent = Effect.fnUntraced(function* ({ text }: Reading) {
    const id = Result.try(() => EventId.make(text.toLowerCase()))
    if (Result.isFailure(id)) return nothing
    const [address] = yield* store
      .find([id.success])
      .pipe(Effect.catchTag("InvalidReadOption", Effect.die))
    if (address === undefined) return nothing
    const { streams } = yield* byId({ by: "id", text: address.streamId })
    const found: Found = {
      count: { streams: streams.length, exact: true },
      streams,
      goTo: { streamId: address.streamId, revision: address.revision }
    }
    return found
  })

  const inLog = Effect.fnUntraced(function* (reading: Reading) {
    if (offset > 0 && below === undefined) {
      return yield* new NotPossible({
        detail: "A search of the log has no places: continue it with `below`"
      })
    }
    const takes = eventMatcherOf(reading)
    const seen = new Set<StreamId.StreamId>()
    const { kept, next, searched } = yield* searchLog(store, {
      below,
      limit,
      keep: (event) => {
        if (!takes(event) || seen.has(event.streamId)) return undefined
        if (since !== undefined && DateTime.toEpochMillis(event.recordedAt) < since) {
          return undefined
        }
        seen.add(event.streamId)
        return { streamId: event.streamId, event: lineOf(event) }
      }
    })
    const wasFound = foundAbove(store, below, reading)
    const streams = yield* Effect.forEach(
      kept,
      Effect.fnUntraced(function* ({ event, streamId }) {
        const facts = yield* Effect.catchTag(
          store.stream(streamId),
          "InvalidReadOption",
          Effect.die
        )
        return Option.isNone(facts) || (yield* wasFound(facts.value))
          ? []
          : [yield* streamLine(facts.value, event)]
      }),
      { concurrency: STREAMS_AT_ONCE }
    )
    const page = streams.flat()
    const end = offset + page.length
    const found: Found = {
      count: {
        streams: end,
        exact: next === undefined && (below === undefined || offset > 0)
      },
      streams: page,
      ...(next === undefined ? {} : { next: { q: textOf(reading), offset: end, below: next } }),
      searched
    }
    return found
  })

  const search = (
    reading: Reading
  ): Effect.Effect<Found, EventStoreError | NotPossible, Scope.Scope> => {
    switch (reading.by) {
      case "id":
        return byId(reading)
      case "event":
        return byEvent(reading)
      case "type":
      case "actor":
      case "correlation":
        return inLog(reading)
      default:
        return inIndex(reading)
    }
  }

  let [reading] = tried
  let found = yield* search(reading)
  for (const other of tried.slice(1)) {
    if (found.count.streams > 0) break
    reading = other
    found = yield* search(other)
  }
  // Only what costs nothing but a look into memory is offered beside it.
  const others = tried.filter((other) => other !== reading && isInIndex(other))
  const counted = yield* Effect.forEach(others, (other) =>
    Effect.map(matching(other), ({ state, streams }) => ({
      q: textOf(other),
      reading: other,
      count: { streams: streams.length, exact: state === "complete" }
    }))
  )
  return {
    offset,
    ...found,
    reading,
    also: counted.filter(({ count }) => count.streams > 0),
    searched: {
      ...(found.searched ?? { events: 0 }),
      millis: (yield* Clock.currentTimeMillis) - begun
    },
    withheld: !shown && found.streams.length > 0
  }
})

const nothing: Found = { count: { streams: 0, exact: true }, streams: [] }

const isInIndex = ({ by }: Reading) => ["all", "prefix", "part", "category"].includes(by)

const lastEvent = (store: EventStore["Service"], streamId: StreamId.StreamId) =>
  store
    .read(streamId, { direction: "backward", limit: 1 })
    .pipe(Stream.runHead, Effect.catchTag("InvalidReadOption", Effect.die))

/** The most events that are read to find the last events of a page of streams. */
const MAX_SPAN = 1_000

/**
 * Returns the last events of streams that changed one after another, by position: those that stand
 * close together in the log, by one read of it.
 */
const lastEvents = (
  store: EventStore["Service"],
  [newest, ...others]: ReadonlyArray<Known>,
  lineOf: (event: RecordedEvent) => EventLine
) => {
  const oldest = others.at(-1)
  if (newest === undefined || oldest === undefined) return Effect.succeed(undefined)
  const wanted = new Set([newest, ...others].map(({ position }) => position))
  const after = Position.make(oldest.position - 1n)
  return store
    .readAll({ direction: "backward", upTo: newest.position, after, limit: MAX_SPAN })
    .pipe(
      Stream.filter(({ position }) => wanted.has(position)),
      Stream.map((event) => [event.position, lineOf(event)] as const),
      Stream.runCollect,
      Effect.map((events) => new Map(events)),
      Effect.catchTag("InvalidReadOption", Effect.die)
    )
}

/**
 * Returns the test whether an earlier page of a search of the log has a stream: whether one of its
 * events at or above `below` matches too.
 *
 * It reads at most as many events as the search itself. A stream that it can't decide by them may
 * be repeated.
 */
const foundAbove = (
  store: EventStore["Service"],
  below: Position.Position | undefined,
  reading: Reading
) => {
  const takes = eventMatcherOf(reading)
  let left = MAX_SEARCHED
  return ({ position, streamId }: StreamFacts): Effect.Effect<boolean, EventStoreError> => {
    if (below === undefined || position < below) return Effect.succeed(false)
    // Every event of the stream matches.
    if (isInIndex(reading)) return Effect.succeed(true)
    return store.read(streamId, { direction: "backward" }).pipe(
      Stream.takeWhile((event) => event.position >= below && left-- > 0),
      Stream.filter(takes),
      Stream.runHead,
      Effect.map(Option.isSome),
      Effect.catchTag("InvalidReadOption", Effect.die)
    )
  }
}

const matcherOf = ({ by, text }: Reading): ((streamId: StreamId.StreamId) => boolean) => {
  if (by === "prefix") return (streamId) => streamId.startsWith(text)
  if (by === "category") return (streamId) => streamId.startsWith(`${text}-`)
  if (by !== "part") return () => true
  const part = text.toLowerCase()
  return (streamId) => streamId.toLowerCase().includes(part)
}

const eventMatcherOf = ({ by, text }: Reading): ((event: RecordedEvent) => boolean) => {
  if (by === "type") return ({ type }) => type === text
  if (by === "actor") return ({ metadata }) => metadata.actor === text
  if (by === "correlation") return ({ metadata }) => metadata.correlationId === text
  const takes = matcherOf({ by, text })
  return ({ streamId }) => takes(streamId)
}
