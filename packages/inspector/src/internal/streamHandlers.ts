/**
 * The handlers of streams, their events and their states.
 */
import { malformed, NotPossible, unavailable, Unknown } from "@daybook/http/Problem"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as Revision from "@daybook/kernel/Revision"
import * as StreamId from "@daybook/kernel/StreamId"
import type { At, CommandHandler } from "@daybook/store/CommandHandler"
import { type EventStore, MAX_REVISION } from "@daybook/store/EventStore"
import type * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Outline, StateAt, States, StreamEvents } from "../StreamAnswer.ts"
import { MAX_OUTLINE } from "../InspectorApi.ts"
import type { Presented } from "../Presenter.ts"
import { bytesOf, type ByCategory, detail, line } from "./eventLines.ts"
import { findStreams, type Query } from "./findStreams.ts"
import { ofStoreError } from "./problems.ts"
import { shown } from "./rights.ts"
import type { StreamIndex } from "./streamIndex.ts"

const DEFAULT_LIMIT = 100

/** An answer of states ends after so many bytes of JSON, though not before its first state. */
const MAX_STATE_BYTES = 4_000_000

interface OfStream {
  readonly params: { readonly streamId: StreamId.StreamId }
}

interface Show {
  readonly show?: boolean
}

export const make = ({
  handler,
  index,
  presented,
  store
}: {
  readonly store: EventStore["Service"]
  readonly handler: CommandHandler["Service"]
  readonly presented: ByCategory
  readonly index: Effect.Effect<StreamIndex, never, Scope.Scope>
}) => {
  const read = (...[streamId, options]: Parameters<typeof store.read>) =>
    store.read(streamId, options).pipe(Stream.catchTag("InvalidReadOption", Stream.die))

  const factsOf = (streamId: StreamId.StreamId) =>
    store.stream(streamId).pipe(
      Effect.catchTag("InvalidReadOption", Effect.die),
      Effect.catchTag("EventStoreError", unavailable),
      Effect.flatMap(
        Option.match({
          onNone: () => Effect.fail(new Unknown({ detail: `There is no stream ${streamId}` })),
          onSome: Effect.succeed
        })
      )
    )

  /** The events from a revision on: at most `limit`, and one more if the stream goes on. */
  const eventsFrom = (streamId: StreamId.StreamId, from: Revision.Revision, limit: number) =>
    read(streamId, { from, limit: limit + 1 }).pipe(
      Stream.runCollect,
      Effect.catchTag("EventStoreError", unavailable)
    )

  const stateful = (streamId: StreamId.StreamId) => {
    const category = StreamId.category(streamId)
    const aggregate = presented.get(category)
    return aggregate === undefined
      ? Effect.fail(new NotPossible({ detail: `This host has no aggregate of ${category}` }))
      : Effect.succeed(aggregate)
  }

  /** Returns the state before the event at a revision. */
  const stateBefore = (
    aggregate: Presented,
    streamId: StreamId.StreamId,
    revision: Revision.Revision
  ) =>
    revision <= 1
      ? Effect.succeed(aggregate.initial)
      : Effect.map(
          aggregate.loadAt(handler, StreamId.id(streamId), {
            revision: Revision.make(revision - 1)
          }),
          ({ state }) => state
        )

  const stateAt = (
    aggregate: Presented,
    revision: Revision.Revision,
    state: Presented["initial"],
    isShown: boolean
  ): StateAt => {
    if (!isShown) return { revision }
    const figure = aggregate.figure(state)
    return {
      revision,
      state: aggregate.encode(state),
      ...(figure === undefined ? {} : { figure })
    }
  }

  return {
    find: Effect.fnUntraced(function* ({ query }: { readonly query: Query & Show }) {
      const { events } = yield* shown(["log"], query.show, { search: query.q ?? "" })
      return yield* findStreams({ store, presented, index }, query, events).pipe(
        Effect.catchTag("EventStoreError", unavailable)
      )
    }),

    head: Effect.fnUntraced(function* ({
      params: { streamId },
      query
    }: OfStream & { readonly query: Show }) {
      const { events } = yield* shown(["log"], query.show, { streamId })
      const facts = yield* factsOf(streamId)
      const [first, last] = yield* Effect.all([
        Stream.runHead(read(streamId, { limit: 1 })),
        Stream.runHead(read(streamId, { direction: "backward", limit: 1 }))
      ]).pipe(
        Effect.catchTag("EventStoreError", unavailable),
        Effect.map((ends) => ends.map((end) => Option.getOrUndefined(end)))
      )
      // A stream with facts has events.
      if (first === undefined || last === undefined) return yield* Effect.die("an empty stream")
      const category = StreamId.category(streamId)
      return {
        stream: { ...facts, category, event: line(presented, last, { shown: events }) },
        first: line(presented, first, { shown: events }),
        hasState: presented.has(category),
        head: yield* Effect.catchTag(store.head, "EventStoreError", unavailable),
        withheld: !events
      }
    }),

    outline: Effect.fnUntraced(function* ({
      params: { streamId },
      query: { from = FIRST }
    }: OfStream & { readonly query: { readonly from?: Revision.Revision } }) {
      yield* factsOf(streamId)
      const read = yield* eventsFrom(streamId, from, MAX_OUTLINE)
      return outlineOf(read.slice(0, MAX_OUTLINE), from, read[MAX_OUTLINE]?.revision)
    }),

    events: Effect.fnUntraced(function* ({
      params: { streamId },
      query: { data, from = FIRST, limit = DEFAULT_LIMIT, show }
    }: OfStream & {
      readonly query: Show & {
        readonly from?: Revision.Revision
        readonly limit?: number
        readonly data?: boolean
      }
    }) {
      const see = yield* shown(["log", "read"], show, { streamId, from })
      yield* factsOf(streamId)
      const found = yield* eventsFrom(streamId, from, limit)
      const page = found.slice(0, limit)
      const figures = yield* figuresOf(streamId, page, see.rows)
      const next = found[limit]?.revision
      const answer: StreamEvents = {
        events: page.map((recorded, place) => {
          const figure = figures[place]
          return {
            ...line(presented, recorded, { shown: see.events, data }),
            ...(figure === undefined ? {} : { figure })
          }
        }),
        ...(next === undefined ? {} : { next }),
        withheld: !see.events || !see.rows
      }
      return answer
    }),

    event: Effect.fnUntraced(function* ({
      params: { revision, streamId },
      query: { show }
    }: {
      readonly params: OfStream["params"] & { readonly revision: Revision.Revision }
      readonly query: Show
    }) {
      const { events } = yield* shown(["log"], show, { streamId, revision })
      yield* factsOf(streamId)
      const [recorded] = yield* eventsFrom(streamId, revision, 1)
      if (recorded?.revision !== revision) {
        return yield* new Unknown({ detail: `${streamId} has no revision ${revision}` })
      }
      return detail(presented, recorded, events)
    }),

    state: Effect.fnUntraced(function* ({
      params: { streamId },
      query: { occurredAt, recordedAt, revision, show }
    }: OfStream & {
      readonly query: Show & {
        readonly revision?: Revision.Revision
        readonly occurredAt?: DateTime.Utc
        readonly recordedAt?: DateTime.Utc
      }
    }) {
      const given = [revision, occurredAt, recordedAt].filter((one) => one !== undefined)
      if (given.length > 1) {
        return yield* Effect.fail(
          malformed(["query"], "has more than one of revision, recordedAt and occurredAt")
        )
      }
      const { events, rows } = yield* shown(["log", "read"], show, { streamId })
      yield* factsOf(streamId)
      const aggregate = yield* stateful(streamId)
      const at: At =
        occurredAt !== undefined
          ? { occurredAt }
          : recordedAt !== undefined
            ? { recordedAt }
            : { revision: revision ?? Revision.make(MAX_REVISION) }
      const loaded = yield* Effect.catch(
        aggregate.loadAt(handler, StreamId.id(streamId), at),
        ofStoreError(events)
      )
      return { ...stateAt(aggregate, loaded.revision, loaded.state, rows), withheld: !rows }
    }),

    states: Effect.fnUntraced(function* ({
      params: { streamId },
      query: { from = Revision.empty, limit = DEFAULT_LIMIT, show }
    }: OfStream & {
      readonly query: Show & { readonly from?: Revision.Revision; readonly limit?: number }
    }) {
      const { events: seesEvents, rows } = yield* shown(["log", "read"], show, { streamId, from })
      yield* factsOf(streamId)
      const aggregate = yield* stateful(streamId)
      const first = from === Revision.empty ? FIRST : from
      const before = yield* Effect.catch(
        stateBefore(aggregate, streamId, first),
        ofStoreError(seesEvents)
      )
      const found = yield* eventsFrom(streamId, first, limit)
      const folded = foldStates(aggregate, before, found, (revision, state) =>
        stateAt(aggregate, revision, state, rows)
      )
      const initial =
        from === Revision.empty ? [stateAt(aggregate, Revision.empty, before, rows)] : []
      const states = [...initial, ...folded.states].slice(0, limit)
      const last = states.at(-1)?.revision ?? Revision.empty
      const isMore = found.some(({ revision }) => revision > last)
      const answer: States = {
        states,
        ...(isMore && folded.stopped === undefined ? { next: Revision.make(last + 1) } : {}),
        ...(folded.stopped === undefined
          ? {}
          : {
              stopped: {
                revision: folded.stopped.revision,
                ...(seesEvents ? { issue: folded.stopped.issue } : {})
              }
            }),
        withheld: !rows
      }
      return answer
    })
  }

  /** Returns the figure after each event of a page; none from an event on that can't be folded. */
  function figuresOf(
    streamId: StreamId.StreamId,
    page: ReadonlyArray<RecordedEvent>,
    isShown: boolean
  ): Effect.Effect<ReadonlyArray<string | undefined>> {
    const aggregate = presented.get(StreamId.category(streamId))
    const first = page[0]
    if (aggregate?.figureHead === undefined || first === undefined || !isShown) {
      return Effect.succeed([])
    }
    return stateBefore(aggregate, streamId, first.revision).pipe(
      Effect.map((before) => {
        const figures: Array<string | undefined> = []
        let state = before
        for (const recorded of page) {
          const evolved = aggregate.evolve(state, recorded)
          if (Result.isFailure(evolved)) break
          state = evolved.success
          figures.push(aggregate.figure(state))
        }
        return figures
      }),
      // The events are shown without their figures; the answer of `states` has the reason.
      Effect.catch(() => Effect.succeed([]))
    )
  }
}

const FIRST = Revision.make(1)

const outlineOf = (
  events: ReadonlyArray<RecordedEvent>,
  from: Revision.Revision,
  next: Revision.Revision | undefined
): Outline => {
  const types = new Map<string, number>()
  const actors = new Map<string, number>()
  const placeOf = (among: Map<string, number>, text: string) => {
    const place = among.get(text) ?? among.size
    among.set(text, place)
    return place
  }
  return {
    from,
    events: events.map(({ metadata: { actor }, occurredAt, recordedAt, schemaVersion, type }) => [
      placeOf(types, type),
      actor === undefined ? -1 : placeOf(actors, actor),
      schemaVersion,
      occurredAt.epochMilliseconds,
      recordedAt.epochMilliseconds
    ]),
    types: [...types.keys()],
    actors: [...actors.keys()],
    ...(next === undefined ? {} : { next })
  }
}

/** Folds events one by one, up to one that can't be folded or the most bytes of an answer. */
const foldStates = (
  aggregate: Presented,
  before: Presented["initial"],
  events: ReadonlyArray<RecordedEvent>,
  stateAt: (revision: Revision.Revision, state: Presented["initial"]) => StateAt
) => {
  const states: Array<StateAt> = []
  let state = before
  let bytes = 0
  for (const recorded of events) {
    const evolved = aggregate.evolve(state, recorded)
    if (Result.isFailure(evolved)) {
      const { problem, revision } = evolved.failure
      return { states, stopped: { revision: Revision.make(revision), issue: problem } }
    }
    state = evolved.success
    const one = stateAt(recorded.revision, state)
    bytes += one.state === undefined ? 0 : bytesOf(one.state)
    if (states.length > 0 && bytes > MAX_STATE_BYTES) break
    states.push(one)
  }
  return { states, stopped: undefined }
}
