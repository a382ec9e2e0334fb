/**
 * Appends with ids that are already recorded, all of them or some.
 */
import { EventIdConflict, EventStore } from "@daybook/store/EventStore"
import { any, exactly, noStream } from "@daybook/store/ExpectedRevision"
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
  readStream,
  revision,
  streamOf
} from "./fixture.ts"

export const repeatCases: Cases = {
  ...each(
    [
      ["of any revision", any],
      ["of no stream", noStream],
      ["of an exact revision", exactly(revision(0))]
    ] as const,
    ([name, expected]) => ({
      [`returns its first answer and writes nothing: ${name}`]: Effect.gen(function* () {
        const store = yield* EventStore
        const streamId = freshStream()
        const append = { streamId, expected, events: newEvents(3) }
        const first = yield* store.append(append)
        assert.isFalse(first.repeated)
        assert.deepStrictEqual(yield* store.append(append), { ...first, repeated: true })
        // Later events of others change neither the answer nor the repetition.
        yield* fill(streamId, newEvents(2))
        assert.deepStrictEqual(yield* store.append(append), { ...first, repeated: true })
        assert.lengthOf(yield* readStream(streamId), 5)
      })
    })
  ),

  "keeps the data that was recorded first": Effect.gen(function* () {
    const store = yield* EventStore
    const streamId = freshStream()
    const event = newEvent({ data: "first" })
    yield* store.append({ streamId, expected: any, events: [event] })
    yield* store.append({ streamId, expected: any, events: [{ ...event, data: "second" }] })
    const stored = yield* readStream(streamId)
    assert.deepStrictEqual(
      stored.map(({ data }) => data),
      ["first"]
    )
  })
}

/** Makes appends of two, three and one event to one stream. */
const threeAppends = Effect.gen(function* () {
  const streamId = freshStream()
  const [a, b] = [newEvent(), newEvent()]
  const [c, d, e] = [newEvent(), newEvent(), newEvent()]
  const f = newEvent()
  yield* fill(streamId, [a, b])
  yield* fill(streamId, [c, d, e])
  yield* fill(streamId, [f])
  return { streamId, a, b, c, d, e, f }
})

export const partialCases: Cases = {
  ...each(
    [
      ["leaves out the middle of an append", ({ c, e }) => [c, e], [3, 5]],
      ["is the beginning of an append", ({ c, d }) => [c, d], [3, 4]],
      ["is the end of an append", ({ d, e }) => [d, e], [4, 5]],
      ["is one event of an append of two", ({ a }) => [a], [1]],
      ["is two appends", ({ a, b, c, d, e }) => [a, b, c, d, e], [1, 2, 3, 4, 5]],
      ["is an append and the beginning of the next", ({ a, b, c }) => [a, b, c], [1, 2, 3]],
      ["is the end of an append and the next", ({ e, f }) => [e, f], [5, 6]],
      ["leaves out an append between two", ({ a, b, f }) => [a, b, f], [1, 2, 6]]
    ] as ReadonlyArray<
      readonly [
        name: string,
        choose: (
          appended: Effect.Success<typeof threeAppends>
        ) => Arr.NonEmptyReadonlyArray<ReturnType<typeof newEvent>>,
        revisions: ReadonlyArray<number>
      ]
    >,
    ([name, choose, revisions]) => ({
      [`is refused when it ${name}`]: Effect.gen(function* () {
        const store = yield* EventStore
        const appended = yield* threeAppends
        const { streamId } = appended
        const events = choose(appended)
        const error = yield* Effect.flip(store.append({ streamId, expected: any, events }))
        assert.instanceOf(error, EventIdConflict)
        assert.deepStrictEqual(
          error.recorded,
          events.map(({ id }, index) => ({
            eventId: id,
            streamId,
            revision: revision(revisions[index] ?? 0)
          }))
        )
        assert.lengthOf(yield* readStream(streamId), 6)
      })
    })
  ),

  "is distinguished from the appends of one appendAll, each of which can be repeated": Effect.gen(
    function* () {
      const store = yield* EventStore
      const streamId = freshStream()
      // Appends that arrive together may be written in one step, and still are separate appends.
      const appends = Arr.makeBy(40, (n) => newEvents(1 + (n % 3)))
      const append = (events: Arr.NonEmptyReadonlyArray<ReturnType<typeof newEvent>>) =>
        store.append({ streamId, expected: any, events })
      const first = yield* Effect.forEach(appends, append, { concurrency: "unbounded" })
      assert.deepStrictEqual(
        yield* Effect.forEach(appends, append, { concurrency: "unbounded" }),
        first.map((answer) => ({ ...answer, repeated: true }))
      )
      const stored = yield* readStream(streamId)
      for (const [index, events] of appends.entries()) {
        const { position, revision } = Arr.getUnsafe(first, index)
        const last = Arr.getUnsafe(stored, revision - 1)
        assert.strictEqual(last.id, events.at(-1)?.id)
        assert.strictEqual(last.position, position)
      }
      // The last event of the append that was written first, and the first of the next.
      const end = Math.min(...first.map(({ revision }) => revision))
      const again = (index: number) => newEvent({ id: Arr.getUnsafe(stored, index).id })
      const joined = [again(end - 1), again(end)] as const
      assert.instanceOf(yield* Effect.flip(append(joined)), EventIdConflict)
    }
  )
}

export const takenIdCases: Cases = {
  "is refused when its other ids are new": Effect.gen(function* () {
    const store = yield* EventStore
    const streamId = freshStream()
    const events = newEvents(2)
    yield* fill(streamId, events)
    for (const overlap of [
      [newEvent(), Arr.getUnsafe(events, 1)],
      [Arr.getUnsafe(events, 1), newEvent()],
      [events[0], Arr.getUnsafe(events, 1), newEvent()]
    ] as const) {
      const error = yield* Effect.flip(store.append({ streamId, expected: any, events: overlap }))
      assert.instanceOf(error, EventIdConflict)
      assert.strictEqual(error.streamId, streamId)
      assert.deepStrictEqual(
        error.recorded,
        overlap.flatMap(({ id }) => {
          const index = events.findIndex((event) => event.id === id)
          return index === -1 ? [] : [{ eventId: id, streamId, revision: revision(index + 1) }]
        })
      )
    }
    assert.deepStrictEqual(ids(yield* readStream(streamId)), ids(events))
  }),

  "is refused when they are in another order": Effect.gen(function* () {
    const store = yield* EventStore
    const streamId = freshStream()
    const [one, two] = [newEvent(), newEvent()]
    yield* fill(streamId, [one, two])
    const error = yield* Effect.flip(store.append({ streamId, expected: any, events: [two, one] }))
    assert.instanceOf(error, EventIdConflict)
    assert.deepStrictEqual(error.recorded, [
      { eventId: two.id, streamId, revision: revision(2) },
      { eventId: one.id, streamId, revision: revision(1) }
    ])
  }),

  "is refused when they are on another stream": Effect.gen(function* () {
    const store = yield* EventStore
    const category = freshCategory()
    const [streamId, other] = [streamOf(category, "1"), streamOf(category, "2")]
    const event = newEvent()
    yield* fill(streamId, [event])
    const error = yield* Effect.flip(
      store.append({ streamId: other, expected: any, events: [event] })
    )
    assert.instanceOf(error, EventIdConflict)
    assert.strictEqual(error.streamId, other)
    assert.deepStrictEqual(error.recorded, [{ eventId: event.id, streamId, revision: revision(1) }])
    assert.lengthOf(yield* readCategories(1, category), 1)
  }),

  "is refused before its expectation is checked": Effect.gen(function* () {
    const store = yield* EventStore
    const streamId = freshStream()
    const event = newEvent()
    yield* fill(streamId, [event])
    const error = yield* Effect.flip(
      store.append({ streamId, expected: noStream, events: [event, newEvent()] })
    )
    assert.instanceOf(error, EventIdConflict)
  })
}
