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
import type { StateAt, States, StreamEvents } from "../StreamAnswer.ts"
import type { Presented } from "../Presenter.ts"
import { bytesOf, type ByCategory, detail, line, MAX_ANSWER_BYTES } from "./eventLines.ts"
import { findStreams, type Query } from "./findStreams.ts"
import { outline } from "./outline.ts"
import { ofStoreError } from "./problems.ts"
import { shown } from "./rights.ts"
import type { StreamIndex } from "./streamIndex.ts"

const DEFAULT_LIMIT = 100

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

  /**
   * Maps the events from a revision on, one by one: at most `limit`, and up to the most bytes of an
   * answer. `map` ends the page before an event that it returns nothing for.
   */
  const mapEvents = Effect.fnUntraced(function* <A>(
    streamId: StreamId.StreamId,
    from: Revision.Revision,
    limit: number,
    map: (recorded: RecordedEvent) => A | undefined,
    bytesOf: (mapped: A) => number
  ) {
    const page: Array<A> = []
    let bytes = 0
    let next: Revision.Revision | undefined
    const add = (recorded: RecordedEvent) => {
      if (page.length < limit && bytes < MAX_ANSWER_BYTES) {
        const mapped = map(recorded)
        if (mapped !== undefined) {
          page.push(mapped)
          bytes += bytesOf(mapped)
          return true
        }
      }
      next = recorded.revision
      return false
    }
    // One more event tells that the stream goes on.
    yield* read(streamId, { from, limit: limit + 1 }).pipe(
      Stream.runForEachWhile((recorded) => Effect.sync(() => add(recorded))),
      Effect.catchTag("EventStoreError", unavailable)
    )
    return { page, next }
  })

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
      return yield* outline(from, (limit) => read(streamId, { from, limit })).pipe(
        Effect.catchTag("EventStoreError", unavailable)
      )
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
      const figureAfter = see.rows ? yield* figures(streamId, from, see.events) : () => undefined
      const { next, page } = yield* mapEvents(
        streamId,
        from,
        limit,
        (recorded) => {
          const figure = figureAfter(recorded)
          return {
            ...line(presented, recorded, { shown: see.events, data }),
            ...(figure === undefined ? {} : { figure })
          }
        },
        (one) => (one.data === undefined ? 0 : one.bytes)
      )
      const answer: StreamEvents = {
        events: page,
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
      const found = yield* Stream.runHead(read(streamId, { from: revision, limit: 1 })).pipe(
        Effect.catchTag("EventStoreError", unavailable)
      )
      if (Option.isNone(found) || found.value.revision !== revision) {
        return yield* new Unknown({ detail: `${streamId} has no revision ${revision}` })
      }
      return detail(presented, found.value, events)
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
      const isInitial = from === Revision.empty
      const first = isInitial ? FIRST : from
      let state = yield* Effect.catch(
        stateBefore(aggregate, streamId, first),
        ofStoreError(seesEvents)
      )
      const initial = isInitial ? [stateAt(aggregate, Revision.empty, state, rows)] : []
      let stopped: States["stopped"]
      const { next, page } = yield* mapEvents(
        streamId,
        first,
        limit - initial.length,
        (recorded) => {
          const evolved = aggregate.evolve(state, recorded)
          if (Result.isFailure(evolved)) {
            const { problem, revision } = evolved.failure
            stopped = {
              revision: Revision.make(revision),
              ...(seesEvents ? { issue: problem } : {})
            }
            return undefined
          }
          state = evolved.success
          return stateAt(aggregate, recorded.revision, state, rows)
        },
        (one) => (one.state === undefined ? 0 : bytesOf(one.state))
      )
      const answer: States = {
        states: [...initial, ...page],
        ...(next === undefined || stopped !== undefined ? {} : { next }),
        ...(stopped === undefined ? {} : { stopped }),
        withheld: !rows
      }
      return answer
    })
  }

  /**
   * Returns the figure after each event of a page, which it is called with one by one; undefined
   * from an event on that can't be folded. The answer of `states` has the reason.
   */
  function figures(streamId: StreamId.StreamId, from: Revision.Revision, seesEvents: boolean) {
    type Figure = (recorded: RecordedEvent) => string | undefined
    const none: Figure = () => undefined
    const aggregate = presented.get(StreamId.category(streamId))
    if (aggregate?.figureHead === undefined) return Effect.succeed(none)
    return stateBefore(aggregate, streamId, from).pipe(
      Effect.map((before): Figure => {
        let state: Presented["initial"] | undefined = before
        return (recorded) => {
          if (state === undefined) return undefined
          state = Result.getOrUndefined(aggregate.evolve(state, recorded))
          return state === undefined ? undefined : aggregate.figure(state)
        }
      }),
      Effect.catchTag("EventDecodeError", () => Effect.succeed(none)),
      Effect.catch(ofStoreError(seesEvents))
    )
  }
}

const FIRST = Revision.make(1)
