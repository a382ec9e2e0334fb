/**
 * Appends whose ids are recorded already, wholly or in part.
 */
import { EventIdConflict, EventStore } from "@daybook/store/EventStore"
import { any, exactly, noStream } from "@daybook/store/ExpectedRevision"
import { assert, describe } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import {
  fill,
  freshCategory,
  freshStream,
  ids,
  type It,
  newEvent,
  newEvents,
  readCategories,
  readStream,
  revision,
  streamOf,
  TIMEOUT_MILLIS
} from "./fixture.ts"

export const repeatCases = (it: It): void => {
  describe("an append that is repeated", { timeout: TIMEOUT_MILLIS }, () => {
    for (const [name, expected] of [
      ["of any revision", any],
      ["of no stream", noStream],
      ["of an exact revision", exactly(revision(0))]
    ] as const) {
      it.effect(`gives its first answer and writes nothing: ${name}`, () =>
        Effect.gen(function* () {
          const store = yield* EventStore
          const streamId = freshStream()
          const append = { streamId, expected, events: newEvents(3) }
          const first = yield* store.append(append)
          assert.isFalse(first.repeated)
          assert.deepStrictEqual(yield* store.append(append), { ...first, repeated: true })
          // Later events of others change neither the answer nor what counts as repeated.
          yield* fill(streamId, newEvents(2))
          assert.deepStrictEqual(yield* store.append(append), { ...first, repeated: true })
          assert.lengthOf(yield* readStream(streamId), 5)
        })
      )
    }

    it.effect("keeps what was recorded first", () =>
      Effect.gen(function* () {
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
    )

    it.effect("may name fewer of the events, in their order", () =>
      Effect.gen(function* () {
        const store = yield* EventStore
        const streamId = freshStream()
        const events = newEvents(4)
        yield* fill(streamId, events)
        const stored = yield* readStream(streamId)
        const appended = yield* store.append({
          streamId,
          expected: noStream,
          events: [events[0], Arr.getUnsafe(events, 2)]
        })
        assert.deepStrictEqual(appended, {
          revision: revision(3),
          position: Arr.getUnsafe(stored, 2).position,
          repeated: true
        })
        assert.lengthOf(yield* readStream(streamId), 4)
      })
    )

    it.effect("may join the events of several appends", () =>
      Effect.gen(function* () {
        const store = yield* EventStore
        const streamId = freshStream()
        const [one, two] = [newEvent(), newEvent()]
        yield* fill(streamId, [one])
        const last = yield* store.append({ streamId, expected: any, events: [two] })
        const both = yield* store.append({ streamId, expected: noStream, events: [one, two] })
        assert.deepStrictEqual(both, { ...last, repeated: true })
      })
    )
  })

  describe("an append with ids that are taken", { timeout: TIMEOUT_MILLIS }, () => {
    it.effect("is refused when others of its ids are new", () =>
      Effect.gen(function* () {
        const store = yield* EventStore
        const streamId = freshStream()
        const events = newEvents(2)
        yield* fill(streamId, events)
        for (const overlap of [
          [newEvent(), Arr.getUnsafe(events, 1)],
          [Arr.getUnsafe(events, 1), newEvent()],
          [events[0], Arr.getUnsafe(events, 1), newEvent()]
        ] as const) {
          const error = yield* Effect.flip(
            store.append({ streamId, expected: any, events: overlap })
          )
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
      })
    )

    it.effect("is refused when they are in another order", () =>
      Effect.gen(function* () {
        const store = yield* EventStore
        const streamId = freshStream()
        const [one, two] = [newEvent(), newEvent()]
        yield* fill(streamId, [one, two])
        const error = yield* Effect.flip(
          store.append({ streamId, expected: any, events: [two, one] })
        )
        assert.instanceOf(error, EventIdConflict)
        assert.deepStrictEqual(error.recorded, [
          { eventId: two.id, streamId, revision: revision(2) },
          { eventId: one.id, streamId, revision: revision(1) }
        ])
      })
    )

    it.effect("is refused when they are on another stream", () =>
      Effect.gen(function* () {
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
        assert.deepStrictEqual(error.recorded, [
          { eventId: event.id, streamId, revision: revision(1) }
        ])
        assert.lengthOf(yield* readCategories(1, category), 1)
      })
    )

    it.effect("is told so before its expectation is looked at", () =>
      Effect.gen(function* () {
        const store = yield* EventStore
        const streamId = freshStream()
        const event = newEvent()
        yield* fill(streamId, [event])
        const error = yield* Effect.flip(
          store.append({ streamId, expected: noStream, events: [event, newEvent()] })
        )
        assert.instanceOf(error, EventIdConflict)
      })
    )
  })
}
