/**
 * Finds streams by what a person typed.
 */
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
import type { FoundStreams, Reading, StreamLine } from "../Answer.ts"
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
  Partial<Pick<FoundStreams, "goTo" | "ruler" | "searched">>

export const findStreams = Effect.fnUntraced(function* (
  { index, presented, store }: Services,
  { below, by = "change", changedSince, limit = DEFAULT_LIMIT, offset = 0, q = "" }: Query,
  shown: boolean
): Effect.fn.Return<FoundStreams, EventStoreError, Scope.Scope> {
  const begun = yield* Clock.currentTimeMillis
  const { revision, tried } = parse(q)
  const since = changedSince === undefined ? undefined : DateTime.toEpochMillis(changedSince)

  const lineOf = Effect.fnUntraced(function* (
    { occurredAt, position, recordedAt, revision: at, streamId }: Known | StreamFacts,
    event?: RecordedEvent
  ) {
    const last = event ?? (yield* lastEvent(store, streamId))
    const found: StreamLine = {
      streamId,
      category: StreamId.category(streamId),
      revision: at,
      position,
      occurredAt,
      recordedAt,
      ...(last === undefined ? {} : { event: line(presented, last, { shown }) })
    }
    return found
  })

  /** Selects the streams in memory. */
  const matching = Effect.fnUntraced(function* (reading: Reading) {
    const { complete, streams } = yield* (yield* index).ordered(by)
    const takes = matcherOf(reading)
    return {
      exact: complete,
      streams: streams.filter(
        ({ recordedAt, streamId }) =>
          takes(streamId) && (since === undefined || DateTime.toEpochMillis(recordedAt) >= since)
      )
    }
  })

  const inIndex = Effect.fnUntraced(function* (reading: Reading) {
    const { exact, streams } = yield* matching(reading)
    // Without all streams their order by change is unknown, and the log has its end.
    if (!exact && by === "change") return yield* inLog(reading)
    const page = streams.slice(offset, offset + limit)
    const events = by === "change" ? yield* lastEvents(store, page) : undefined
    const found: Found = {
      count: { streams: streams.length, exact },
      // Reads of many streams at once go to the database together.
      streams: yield* Effect.forEach(page, (one) => lineOf(one, events?.get(one.position)), {
        concurrency: "unbounded"
      }),
      ...(by === "change" && offset === 0 ? { ruler: Ruler.make(streams) } : {})
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
      streams: [yield* lineOf(facts.value)],
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
    const takes = eventMatcherOf(reading)
    const last = new Map<StreamId.StreamId, RecordedEvent>()
    const { next, searched } = yield* searchLog(store, {
      below,
      limit,
      takes: (event) => {
        if (!takes(event) || last.has(event.streamId)) return false
        if (since !== undefined && DateTime.toEpochMillis(event.recordedAt) < since) return false
        last.set(event.streamId, event)
        return true
      }
    })
    const streams = yield* Effect.forEach(
      last.values(),
      (event) =>
        store.stream(event.streamId).pipe(
          Effect.catchTag("InvalidReadOption", Effect.die),
          Effect.flatMap(Effect.fromOption),
          Effect.orDie,
          Effect.flatMap((facts) => lineOf(facts, event))
        ),
      { concurrency: "unbounded" }
    )
    const found: Found = {
      count: { streams: streams.length, exact: next === undefined && below === undefined },
      streams,
      searched
    }
    return found
  })

  const search = (reading: Reading): Effect.Effect<Found, EventStoreError, Scope.Scope> => {
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
    Effect.map(matching(other), ({ exact, streams }) => ({
      q: textOf(other),
      reading: other,
      count: { streams: streams.length, exact }
    }))
  )
  return {
    ...found,
    reading,
    offset,
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
    .pipe(
      Stream.runHead,
      Effect.map(Option.getOrUndefined),
      Effect.catchTag("InvalidReadOption", Effect.die)
    )

/** The most events that are read to find the last events of a page of streams. */
const MAX_SPAN = 1_000

/**
 * Returns the last events of streams that changed one after another, by position: those that stand
 * close together in the log, by one read of it.
 */
const lastEvents = (store: EventStore["Service"], [newest, ...others]: ReadonlyArray<Known>) => {
  const oldest = others.at(-1)
  if (newest === undefined || oldest === undefined) return Effect.succeed(undefined)
  const wanted = new Set([newest, ...others].map(({ position }) => position))
  const after = Position.make(oldest.position - 1n)
  return store
    .readAll({ direction: "backward", upTo: newest.position, after, limit: MAX_SPAN })
    .pipe(
      Stream.filter(({ position }) => wanted.has(position)),
      Stream.runCollect,
      Effect.map((events) => new Map(events.map((event) => [event.position, event]))),
      Effect.catchTag("InvalidReadOption", Effect.die)
    )
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
