/**
 * Appends to several streams at once, with streams that are only checked.
 */
import {
  type Append,
  AppendRefused,
  EventIdConflict,
  EventStore,
  WrongExpectedRevision
} from "@daybook/store/EventStore"
import { any, describe as words, exactly, exists, noStream } from "@daybook/store/ExpectedRevision"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as assert from "../../assert.ts"
import { each } from "../cases.ts"
import {
  type Cases,
  fill,
  freshCategory,
  freshStream,
  ids,
  newEvent,
  newEvents,
  readCategories,
  readLast,
  readStream,
  revision,
  streamOf
} from "./fixture.ts"

/** Three streams of a fresh category; the middle one has two events. */
const threeStreams = Effect.gen(function* () {
  const category = freshCategory()
  const two = streamOf(category, "2")
  const events = newEvents(2)
  yield* fill(two, events)
  return { category, one: streamOf(category, "1"), two, three: streamOf(category, "3"), events }
})

export const appendAllCases: Cases = {
  "answers each append in the order given": Effect.gen(function* () {
    const store = yield* EventStore
    const { one, three, two } = yield* threeStreams
    const answers = yield* store.appendAll({
      appends: [
        { streamId: three, expected: noStream, events: newEvents(2) },
        { streamId: one, expected: any, events: newEvents(1) },
        { streamId: two, expected: exactly(revision(2)), events: newEvents(3) }
      ]
    })
    const last = yield* Effect.forEach([three, one, two], (streamId) =>
      Effect.map(readLast(streamId), ({ position, recordedAt, revision }) => ({
        revision,
        position,
        recordedAt,
        repeated: false
      }))
    )
    assert.deepStrictEqual<unknown>(answers, last)
    assert.deepStrictEqual(
      answers.map((answer) => answer.revision),
      [2, 1, 5].map(revision)
    )
  }),

  "writes nothing when one expectation is not met": Effect.gen(function* () {
    const store = yield* EventStore
    const { category, events, one, three, two } = yield* threeStreams
    const error = yield* Effect.flip(
      store.appendAll({
        appends: [
          { streamId: one, expected: any, events: newEvents(2) },
          { streamId: two, expected: exactly(revision(1)), events: newEvents(1) },
          { streamId: three, expected: exists, events: newEvents(1) }
        ]
      })
    )
    assert.instanceOf(error, WrongExpectedRevision)
    assert.strictEqual(error.streamId, two)
    assert.strictEqual(error.actual, 2)
    assert.deepStrictEqual(ids(error.between), [Arr.getUnsafe(events, 1).id])
    assert.deepStrictEqual(ids(yield* readCategories(2, category)), ids(events))
  }),

  ...each(
    [
      [any, true, true],
      [noStream, false, true],
      [exists, true, false],
      [exactly(revision(2)), true, false],
      [exactly(revision(0)), false, true]
    ] as const,
    ([expected, onTwo, onEmpty]) => ({
      [`checks a stream for ${words(expected)} without writing it`]: Effect.gen(function* () {
        const store = yield* EventStore
        for (const checked of ["two", "three"] as const) {
          const streams = yield* threeStreams
          const met = checked === "two" ? onTwo : onEmpty
          const answer = yield* Effect.result(
            store.appendAll({
              appends: [{ streamId: streams.one, expected: any, events: newEvents(1) }],
              checks: [{ streamId: streams[checked], expected }]
            })
          )
          if (answer._tag === "Success") {
            assert.lengthOf(answer.success, 1)
          } else {
            assert.instanceOf(answer.failure, WrongExpectedRevision)
            assert.strictEqual(answer.failure.streamId, streams[checked])
            assert.deepStrictEqual(answer.failure.expected, expected)
          }
          assert.strictEqual(answer._tag === "Success", met)
          assert.lengthOf(yield* readCategories(met ? 3 : 2, streams.category), met ? 3 : 2)
          assert.lengthOf(yield* readStream(streams.two), 2)
          assert.lengthOf(yield* readStream(streams.three), 0)
        }
      })
    })
  ),

  "reports every stream that is not as expected, with its place": Effect.gen(function* () {
    const store = yield* EventStore
    const { category, events, one, three, two } = yield* threeStreams
    const [four, five] = [streamOf(category, "4"), streamOf(category, "5")]
    yield* fill(five, newEvents(3))
    const error = yield* Effect.flip(
      store.appendAll({
        appends: [
          { streamId: one, expected: noStream, events: newEvents(1) },
          { streamId: two, expected: exactly(revision(1)), events: newEvents(1) },
          { streamId: three, expected: exists, events: newEvents(1) }
        ],
        checks: [
          { streamId: four, expected: any },
          { streamId: five, expected: noStream }
        ]
      })
    )
    assert.instanceOf(error, WrongExpectedRevision)
    assert.strictEqual(error.streamId, two)
    assert.strictEqual(error.place, 1)
    assert.deepStrictEqual(ids(error.between), [Arr.getUnsafe(events, 1).id])
    assert.deepStrictEqual(error.others, [
      { place: 2, streamId: three, expected: exists, actual: revision(0) },
      { place: 4, streamId: five, expected: noStream, actual: revision(3) }
    ])
    assert.strictEqual(
      error.message,
      `${two} is at revision 2, expected revision 1; ${three} is at revision 0, expected a stream that exists; ` +
        `${five} is at revision 3, expected no stream`
    )
    assert.lengthOf(yield* readCategories(5, category), 5)
  }),

  "reports every recorded id of all its appends": Effect.gen(function* () {
    const store = yield* EventStore
    const { events, one, three, two } = yield* threeStreams
    const event = newEvent()
    yield* fill(three, [event])
    const error = yield* Effect.flip(
      store.appendAll({
        appends: [
          { streamId: one, expected: exists, events: [event, newEvent()] },
          { streamId: two, expected: any, events: [newEvent(), Arr.getUnsafe(events, 0)] }
        ]
      })
    )
    assert.instanceOf(error, EventIdConflict)
    assert.strictEqual(error.streamId, one)
    assert.deepStrictEqual(error.recorded, [
      { eventId: event.id, streamId: three, revision: revision(1) },
      { eventId: events[0].id, streamId: two, revision: revision(1) }
    ])
  }),

  "refuses a call without an append, with and without checks": Effect.gen(function* () {
    const store = yield* EventStore
    const { two } = yield* threeStreams
    // A caller without types may pass this.
    const appends = [] as ReadonlyArray<Append> as Arr.NonEmptyReadonlyArray<Append>
    for (const checks of [
      [],
      [{ streamId: two, expected: any }],
      [{ streamId: two, expected: noStream }]
    ]) {
      const error = yield* Effect.flip(store.appendAll({ appends, checks }))
      assert.instanceOf(error, AppendRefused)
      assert.deepStrictEqual(error.reason, { _tag: "NoAppends" })
    }
  }),

  "checks the expectations of appends before those of checks": Effect.gen(function* () {
    const store = yield* EventStore
    const { one, three, two } = yield* threeStreams
    const error = yield* Effect.flip(
      store.appendAll({
        appends: [
          { streamId: three, expected: any, events: newEvents(1) },
          { streamId: two, expected: noStream, events: newEvents(1) }
        ],
        checks: [{ streamId: one, expected: exists }]
      })
    )
    assert.instanceOf(error, WrongExpectedRevision)
    assert.strictEqual(error.streamId, two)
    assert.deepStrictEqual(
      error.others.map(({ streamId }) => streamId),
      [one]
    )
  }),

  "returns its first answers when repeated, even when a check would fail by then": Effect.gen(
    function* () {
      const store = yield* EventStore
      const { category, one, three, two } = yield* threeStreams
      const call = store.appendAll({
        appends: [
          { streamId: two, expected: exactly(revision(2)), events: newEvents(2) },
          { streamId: one, expected: noStream, events: newEvents(1) }
        ],
        checks: [{ streamId: three, expected: noStream }]
      })
      const first = yield* call
      yield* fill(three, newEvents(1))
      yield* fill(two, newEvents(1))
      assert.isTrue(first.every(({ repeated }) => !repeated))
      assert.deepStrictEqual(
        yield* call,
        Arr.map(first, (answer) => ({ ...answer, repeated: true }))
      )
      assert.lengthOf(yield* readCategories(7, category), 7)
    }
  ),

  "refuses a call of which only some appends are recorded": Effect.gen(function* () {
    const store = yield* EventStore
    const { category, events, one, three, two } = yield* threeStreams
    const event = newEvent()
    yield* fill(three, [event])
    const error = yield* Effect.flip(
      store.appendAll({
        appends: [
          { streamId: one, expected: any, events: newEvents(1) },
          { streamId: three, expected: exists, events: [event] },
          { streamId: two, expected: noStream, events }
        ]
      })
    )
    assert.instanceOf(error, EventIdConflict)
    assert.strictEqual(error.streamId, three)
    assert.deepStrictEqual(
      error.recorded.map(({ eventId }) => eventId),
      [event.id, ...ids(events)]
    )
    assert.lengthOf(yield* readCategories(3, category), 3)
  }),

  "refuses a call with an append that is recorded on another stream": Effect.gen(function* () {
    const store = yield* EventStore
    const { category, events, one, three } = yield* threeStreams
    const error = yield* Effect.flip(
      store.appendAll({
        appends: [
          { streamId: one, expected: any, events: newEvents(1) },
          { streamId: three, expected: any, events }
        ]
      })
    )
    assert.instanceOf(error, EventIdConflict)
    assert.strictEqual(error.streamId, three)
    assert.lengthOf(yield* readCategories(2, category), 2)
  }),

  "refuses a stream that is named twice": Effect.gen(function* () {
    const store = yield* EventStore
    const [one, two] = [freshStream(), freshStream()]
    const append = (streamId: typeof one) => ({ streamId, expected: any, events: newEvents(1) })
    const check = (streamId: typeof one) => ({ streamId, expected: any })
    for (const call of [
      store.appendAll({ appends: [append(two), append(one), append(one)] }),
      store.appendAll({ appends: [append(two), append(one)], checks: [check(one)] }),
      store.appendAll({ appends: [append(two)], checks: [check(one), check(one)] })
    ]) {
      const error = yield* Effect.flip(call)
      assert.instanceOf(error, AppendRefused)
      assert.strictEqual(error.streamId, one)
      assert.deepStrictEqual(error.reason, { _tag: "RepeatedStream" })
    }
    assert.lengthOf(yield* readStream(two), 0)
  })
}
