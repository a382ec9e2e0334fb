/**
 * The end of the log, its end at an instant, and the events recorded between two instants.
 */
import * as Position from "@daybook/kernel/Position"
import { EventStore } from "@daybook/store/EventStore"
import * as Arr from "effect/Array"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as assert from "../../assert.ts"
import {
  type Cases,
  fill,
  freshCategory,
  ids,
  newEvents,
  readCategories,
  streamOf
} from "./fixture.ts"

const [never, always] = [DateTime.makeUnsafe(-8.64e15), DateTime.makeUnsafe(8.64e15)]

/**
 * The position as of the time of any event lies just before the first later event, or is the head
 * when there is none.
 */
const instantsCutLog = Effect.gen(function* () {
  const store = yield* EventStore
  const category = freshCategory()
  for (let n = 0; n < 5; n++) yield* fill(streamOf(category, `${n % 2}`), newEvents(1 + n))
  const own = yield* readCategories(15, category)
  const millis = own.map(({ recordedAt }) => DateTime.toEpochMillis(recordedAt))
  // Starts before the first own event, so that older events of the log are not read each time.
  const after = Position.make(Arr.getUnsafe(own, 0).position - 1n)
  for (const instant of new Set(millis.flatMap((one) => [one - 1, one]))) {
    const recordedAt = DateTime.makeUnsafe(instant)
    const position = yield* store.positionAt({ recordedAt })
    const prefix = yield* Stream.runCollect(store.readAll({ after, upTo: position }))
    assert.isTrue(
      prefix.every((event) => DateTime.toEpochMillis(event.recordedAt) <= instant),
      "nothing up to the position is later"
    )
    const [next] = yield* Stream.runCollect(
      store.readAll({ after: position > after ? position : after, limit: 1 })
    )
    assert.isTrue(
      next === undefined || DateTime.toEpochMillis(next.recordedAt) > instant,
      "what comes after the position is later"
    )
    const bounded = yield* Stream.runCollect(
      store.readAll({ after, recordedAt: { upTo: recordedAt } })
    )
    assert.deepStrictEqual(ids(bounded), ids(prefix), "a reading up to an instant ends there")
  }
})

export const headCases: Cases = {
  "is the position at which a reading that begins now ends, and never decreases": Effect.gen(
    function* () {
      const store = yield* EventStore
      const category = freshCategory()
      yield* fill(streamOf(category, "1"), newEvents(3))
      const events = yield* readCategories(3, category)
      // Reads without a bound before it asks for the head: the event must be at or below the
      // head.
      const last = yield* Stream.runHead(store.readAll({ direction: "backward", limit: 1 }))
      const head = yield* store.head
      assert.isTrue(head >= Arr.getUnsafe(events, 2).position)
      assert.isTrue(Option.isSome(last) && last.value.position <= head)
      yield* fill(streamOf(category, "1"), newEvents(1))
      const next = Arr.getUnsafe(yield* readCategories(4, category), 3)
      assert.isTrue(next.position > head)
      assert.isTrue((yield* store.head) >= next.position)
      const backlog = yield* store.backlog()
      assert.isTrue((yield* store.head) >= backlog.head)
    }
  )
}

export const positionAtCases: Cases = {
  "is the start before all events, and the head after them": Effect.gen(function* () {
    const store = yield* EventStore
    const category = freshCategory()
    yield* fill(streamOf(category, "1"), newEvents(2))
    const [, last] = yield* readCategories(2, category)
    assert.strictEqual(yield* store.positionAt({ recordedAt: never }), Position.start)
    const before = yield* store.head
    const position = yield* store.positionAt({ recordedAt: always })
    assert.isTrue(position >= before && last !== undefined && position >= last.position)
    assert.isTrue(position <= (yield* store.head))
  }),

  "is the end of a prefix in which no event is later": instantsCutLog,

  "cuts the log into windows of time that share no event and miss none": Effect.gen(function* () {
    const store = yield* EventStore
    const category = freshCategory()
    for (let n = 0; n < 6; n++) yield* fill(streamOf(category, `${n}`), newEvents(3))
    const events = yield* readCategories(18, category)
    const instants = [4, 9, 14].map((n) => Arr.getUnsafe(events, n).recordedAt)
    const bounds = [never, ...instants, always]
    const windows = yield* Effect.forEach(Arr.zip(bounds, bounds.slice(1)), ([after, upTo]) =>
      Effect.gen(function* () {
        const options = { categories: [category], recordedAt: { after, upTo } }
        const forward = yield* Stream.runCollect(store.readAll(options))
        const backward = yield* Stream.runCollect(
          store.readAll({ ...options, direction: "backward" })
        )
        assert.deepStrictEqual(ids(backward), ids(forward).toReversed())
        for (const { recordedAt } of forward) {
          assert.isTrue(DateTime.isLessThanOrEqualTo(recordedAt, upTo))
        }
        return forward
      })
    )
    assert.deepStrictEqual(ids(windows.flat()), ids(events))
  }),

  "bounds a reading together with positions": Effect.gen(function* () {
    const store = yield* EventStore
    const category = freshCategory()
    yield* fill(streamOf(category, "1"), newEvents(4))
    const events = yield* readCategories(4, category)
    const read = (options: Parameters<typeof store.readAll>[0]) =>
      Effect.map(Stream.runCollect(store.readAll({ categories: [category], ...options })), ids)
    const [first, , third] = events
    const [after, upTo] = [first?.position, third?.position]
    const all = { after: never, upTo: always }
    assert.deepStrictEqual(yield* read({ after, upTo, recordedAt: all }), ids(events.slice(1, 3)))
    assert.deepStrictEqual(yield* read({ recordedAt: {} }), ids(events))
    assert.deepStrictEqual(yield* read({ recordedAt: { upTo: never } }), [])
    assert.deepStrictEqual(yield* read({ recordedAt: { after: always } }), [])
    assert.deepStrictEqual(
      yield* read({ after, recordedAt: { upTo: always } }),
      ids(events.slice(1))
    )
  })
}
