/**
 * A log in memory with open appends, whose reads take time: each looks at the log at some moment
 * between its beginning and its answer. It can be restored to an earlier time.
 */
import * as EventId from "@daybook/kernel/EventId"
import * as EventMark from "@daybook/kernel/EventMark"
import * as LogId from "@daybook/kernel/LogId"
import type * as Position from "@daybook/kernel/Position"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import type { Revision } from "@daybook/kernel/Revision"
import * as StreamId from "@daybook/kernel/StreamId"
import type { LogFilter, Range, Reads } from "@daybook/store/driver/EventStoreDriver"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"

/** The places of an append, as in the stores: an append draws a number, and no event shares it. */
const PLACES = 16n

interface Append {
  readonly number: bigint
  state: "open" | "committed" | "undone"
  readonly events: ReadonlyArray<RecordedEvent>
}

const positionOf = (number: bigint) => (number * PLACES) as Position.Position

export const make = (options: {
  /** The most events of a page. */
  readonly pageEvents: number
  /** Waits while a statement is on its way to the log, and again while its answer is. */
  readonly travel: Effect.Effect<void>
}) => {
  const { pageEvents, travel } = options
  const log = LogId.make("00000000-0000-4000-8000-000000000000")
  let appends: ReadonlyArray<Append> = []
  let newest = 0n
  let clock = 0
  let ids = 0
  /** The number of restores. */
  let epoch = 0
  const passedOver = new Set<Position.Position>()
  const calls = { origin: 0, log: 0, stream: 0, end: 0 }

  const shown = (event: RecordedEvent): RecordedEvent =>
    passedOver.has(event.position)
      ? { ...event, type: "daybook.passed-over", schemaVersion: 1, data: {}, metadata: {} }
      : event
  const visible = () =>
    appends.flatMap(({ events, state }) => (state === "committed" ? events : []))
  const settled = () => {
    const open = appends.find(({ state }) => state === "open")
    return positionOf(open === undefined ? newest : open.number - 1n)
  }
  const markAt = (position: Position.Position) => {
    const last = visible().findLast((event) => event.position <= position)
    return last === undefined ? null : EventMark.of(last)
  }
  const endOf = (streamId: StreamId.StreamId, upTo = Number.MAX_SAFE_INTEGER) =>
    visible().findLast((event) => event.streamId === streamId && event.revision <= upTo)
  const isMatch =
    ({ categories, types }: LogFilter) =>
    ({ position, streamId, type }: RecordedEvent) =>
      (categories === undefined || categories.some((name) => streamId.startsWith(`${name}-`))) &&
      (types === undefined || (types.includes(type) && !passedOver.has(position)))
  const page = <Place extends number | bigint>(
    events: ReadonlyArray<RecordedEvent>,
    placeOf: (event: RecordedEvent) => Place,
    { highest, limit, lowest }: Range<Place>
  ) => {
    const found = events.filter((event) => placeOf(event) >= lowest && placeOf(event) <= highest)
    const most = Math.min(limit, pageEvents)
    const cut = found.slice(0, most)
    const last = cut.at(-1)
    const readTo = cut.length < most || last === undefined ? highest : placeOf(last)
    return { events: cut.map(shown), readTo }
  }
  const statement = <A>(name: keyof typeof calls, answer: () => A) =>
    Effect.suspend(() => {
      calls[name] += 1
      return Effect.andThen(
        travel,
        Effect.flatMap(Effect.sync(answer), (value) => Effect.as(travel, value))
      )
    })

  const reads: Reads<never> = {
    origin: (position) =>
      statement("origin", () => ({
        log,
        settled: settled(),
        newest: positionOf(newest),
        settledEvent: markAt(settled()),
        givenEvent: markAt(position)
      })),
    log: (filter) => (range) =>
      statement("log", () =>
        page(visible().filter(isMatch(filter)), ({ position }) => position, range)
      ),
    stream:
      ({ streamId, types }) =>
      (range) =>
        statement("stream", () =>
          page(
            visible().filter((event) => event.streamId === streamId && isMatch({ types })(event)),
            ({ revision }) => revision,
            range
          )
        ),
    end: (streamId, upTo) =>
      statement("end", () => {
        const last = endOf(streamId, upTo)
        return last && { ...last, event: EventMark.of(last) }
      })
  }

  return {
    reads,
    calls,
    /** The number of statements so far. */
    statements: () => calls.origin + calls.log + calls.stream + calls.end,
    epoch: () => epoch,
    settled,
    markAt,
    newest: () => positionOf(newest),
    /** All events that readers see, in the order of their positions. */
    visible: (filter: LogFilter = {}) => visible().filter(isMatch(filter)).map(shown),
    passedOver: (): ReadonlySet<Position.Position> => new Set(passedOver),
    /** Draws a number for events of these types; a stream has one open append at a time. */
    begin: (streamId: StreamId.StreamId, types: ReadonlyArray<string>) => {
      const isTaken = appends.some(
        ({ events, state }) => state === "open" && events[0]?.streamId === streamId
      )
      if (isTaken) return
      const revision = endOf(streamId)?.revision ?? 0
      const first = newest * PLACES + 1n
      clock += 1
      const recordedAt = DateTime.makeUnsafe(clock)
      newest += 1n
      const events = types.map((type, index): RecordedEvent => ({
        id: EventId.make(`00000000-0000-4000-8000-${String(ids++).padStart(12, "0")}`),
        type,
        schemaVersion: 1,
        data: {},
        metadata: {},
        occurredAt: recordedAt,
        streamId,
        // The casts add only the brands.
        revision: (revision + index + 1) as Revision,
        position: (first + BigInt(index)) as Position.Position,
        recordedAt
      }))
      appends = [...appends, { number: newest, state: "open", events }]
    },
    /** Ends the open append that is `of` places after the oldest. */
    end: (of: number, state: "committed" | "undone") => {
      const open = appends.filter((append) => append.state === "open")
      const append = open[of % Math.max(1, open.length)]
      if (append !== undefined) append.state = state
    },
    /** Takes away the last appends, and sets the sequence back. */
    restore: (lost: number) => {
      const kept = newest > BigInt(lost) ? newest - BigInt(lost) : 0n
      appends = appends.filter(({ number, state }) => number <= kept && state === "committed")
      newest = kept
      epoch += 1
      for (const position of passedOver) {
        if (position > positionOf(kept)) passedOver.delete(position)
      }
    },
    passOver: (of: number) => {
      const events = visible()
      const event = events[events.length - 1 - (of % Math.max(1, events.length))]
      if (event !== undefined) passedOver.add(event.position)
    }
  }
}

export type ModelLog = ReturnType<typeof make>

/** The streams of a test: two categories, one of whose streams begins like another. */
export const streams = ["ring-1", "ring-10", "bell-1"].map((id) => StreamId.StreamId.make(id))
