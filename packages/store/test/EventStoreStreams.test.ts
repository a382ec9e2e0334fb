import * as EventId from "@daybook/kernel/EventId"
import * as Position from "@daybook/kernel/Position"
import * as Revision from "@daybook/kernel/Revision"
import * as StreamId from "@daybook/kernel/StreamId"
import { EventStore } from "@daybook/store/EventStore"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import * as EventStoreLaws from "@daybook/testing/contracts/EventStoreLaws"
import * as Law from "@daybook/testing/Law"
import { assert, describe, it } from "@effect/vitest"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { answers, instants } from "./instantCases.ts"

type Store = EventStore["Service"]

const broken = (breakIt: (store: Store) => Partial<Store>): Layer.Layer<EventStore> =>
  Layer.effect(
    EventStore,
    Effect.map(EventStoreMemory.make, (store) => ({ ...store, ...breakIt(store) }))
  )

const record = (store: Store) =>
  Effect.forEach(instants, (seconds, index) =>
    Effect.gen(function* () {
      yield* TestClock.setTime(seconds * 1_000)
      yield* store.append({
        streamId: Result.getOrThrow(StreamId.fromString(`order-${index}`)),
        expected: ExpectedRevision.any,
        events: [
          {
            id: EventId.make(SecureRandom.uuidV4Unsafe()),
            type: "Noted",
            schemaVersion: 1,
            data: {},
            metadata: {},
            occurredAt: DateTime.makeUnsafe(0)
          }
        ]
      })
    })
  )

it.effect(
  "the position as of an instant is before the first later event, wherever clocks went",
  () =>
    Effect.gen(function* () {
      const store = yield* EventStoreMemory.make
      yield* record(store)
      yield* TestClock.setTime(0)
      for (const [seconds, count] of answers) {
        const recordedAt = DateTime.makeUnsafe(seconds * 1_000)
        assert.strictEqual(yield* store.positionAt({ recordedAt }), BigInt(count))
        assert.strictEqual(
          yield* Stream.runCount(store.readAll({ recordedAt: { upTo: recordedAt } })),
          count
        )
        const rest = store.readAll({ recordedAt: { after: recordedAt } })
        assert.strictEqual(yield* Stream.runCount(rest), instants.length - count)
      }
      // The second event at 20 is the first of the rest by position, and the second at 12 the
      // earliest.
      const rest = yield* store.backlog({ after: Position.make(1n) })
      assert.strictEqual(rest.events, 8)
      assert.deepStrictEqual(Option.map(rest.since, DateTime.toEpochMillis), Option.some(12_000))
    })
)

/** Takes any stream whose name begins with the given name for the given stream. */
const followsByPrefix = broken((store) => ({
  subscribePages: ({ afterRevision = Revision.make(0), streamId = "", ...options } = {}) =>
    Stream.map(store.subscribePages(options), (page) => ({
      ...page,
      events: page.events.filter(
        (event) => event.streamId.startsWith(streamId) && event.revision > afterRevision
      )
    }))
}))

/** Starts from the beginning when it resumes at a revision. */
const forgetsRevision = broken((store) => ({
  subscribePages: (options = {}) => store.subscribePages({ ...options, afterRevision: undefined })
}))

/** The position of a page is its first event's. */
const pagesEndEarly = broken((store) => ({
  subscribePages: (options) =>
    Stream.map(store.subscribePages(options), (page) => {
      const [first] = page.events
      if (first === undefined) return page
      const { id, position } = first
      return { ...page, position, checkpoint: { ...page.checkpoint, position, eventId: id } }
    })
}))

/** Returns the facts of a stream's first event. */
const tellsFirst = broken((store) => ({
  streams: (options) =>
    Stream.mapEffect(store.streams(options), (facts) =>
      Effect.map(Stream.runHead(store.read(facts.streamId)), (first) => ({
        ...facts,
        occurredAt: Option.getOrElse(first, () => facts).occurredAt
      }))
    )
}))

/** A page of streams begins with the last one of the page before. */
const listsTwice = broken((store) => ({
  streams: ({ after, limit = 1_000, ...options } = {}) =>
    store.streams(options).pipe(
      Stream.filter(({ streamId }) => after === undefined || streamId >= after),
      Stream.take(limit)
    )
}))

/** Leaves out events of exactly that instant. */
const cutsBefore = broken((store) => ({
  positionAt: ({ recordedAt }) =>
    store.positionAt({ recordedAt: DateTime.subtract(recordedAt, { milliseconds: 1 }) })
}))

describe("The laws of event stores catch a store that", () => {
  for (const [name, store, law, problem] of [
    [
      "follows streams by prefix",
      followsByPrefix,
      "subscribe to a stream: emits revisions 1..n of its stream, and no other stream's",
      "each revision once"
    ],
    [
      "ignores the revision to begin after",
      forgetsRevision,
      "subscribe to a stream: emits revisions 1..n of its stream, and no other stream's",
      "each revision once"
    ],
    [
      "reports the first event of a page as its end",
      pagesEndEarly,
      "subscribe to a stream: emits revisions 1..n of its stream, and no other stream's",
      "each revision once"
    ],
    [
      "returns the facts of the first event of a stream",
      tellsFirst,
      "streams: lists each stream once, with the facts of its last event in the log",
      "as the log has them"
    ],
    [
      "lists a stream on two pages",
      listsTwice,
      "streams: lists each stream once, with the facts of its last event in the log",
      "pages of streams"
    ],
    [
      "cuts the log before an instant",
      cutsBefore,
      "positionAt: is the end of a prefix in which no event is later",
      "is later"
    ]
  ] as const) {
    it.effect(name, () =>
      Effect.gen(function* () {
        const named = EventStoreLaws.laws.filter((one) => one.name === law)
        assert.lengthOf(named, 1)
        const [broken] = yield* Effect.provide(Law.broken(named), store, { local: true })
        assert.include(broken?.message, problem)
      })
    )
  }

  it.effect("takes the last event that is not later for the end of a prefix", () =>
    Effect.gen(function* () {
      const store = yield* EventStoreMemory.make
      yield* record(store)
      const last = yield* Stream.runFold(
        store.readAll(),
        () => 0n,
        (found, event) =>
          DateTime.toEpochMillis(event.recordedAt) <= 20_000 ? event.position : found
      )
      assert.notStrictEqual(
        last,
        yield* store.positionAt({ recordedAt: DateTime.makeUnsafe(20_000) })
      )
    })
  )
})
