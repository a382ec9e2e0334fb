/**
 * Reading one stream.
 */
import { EventStore, InvalidReadOption, type ReadOptions } from "@daybook/store/EventStore"
import * as Arr from "effect/Array"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as assert from "../../assert.ts"
import { each } from "../cases.ts"
import {
  type Cases,
  comparable,
  fill,
  freshCategory,
  freshStream,
  ids,
  newEvent,
  newEvents,
  readFirst,
  readStream,
  revision,
  revisions,
  second,
  streamOf
} from "./fixture.ts"

const directions = ["forward", "backward"] as const

/** Reads the revisions that the options select from a stream. */
const revisionsOf = Effect.fnUntraced(function* (
  streamId: ReturnType<typeof freshStream>,
  options: ReadOptions
) {
  const store = yield* EventStore
  return revisions(yield* Stream.runCollect(store.read(streamId, options))).map(Number)
})

export const readCases: Cases = {
  "returns nothing for a stream that does not exist": Effect.gen(function* () {
    const category = freshCategory()
    yield* fill(streamOf(category, "1"), newEvents(1))
    for (const direction of directions) {
      for (const options of [
        { direction },
        { direction, from: revision(1), to: revision(9), limit: 5 },
        { direction, until: { occurredAt: second(0) } }
      ]) {
        assert.deepStrictEqual(yield* revisionsOf(streamOf(category, "10"), options), [])
      }
    }
  }),

  "returns no event after the instant that is appended while it reads": Effect.gen(function* () {
    const store = yield* EventStore
    const streamId = freshStream()
    yield* fill(
      streamId,
      Arr.makeBy(600, () => newEvent({ occurredAt: second(0) }))
    )
    const late = fill(streamId, [newEvent({ occurredAt: second(5) })])
    const events = yield* store.read(streamId, { until: { occurredAt: second(1) } }).pipe(
      Stream.tap((event) => (event.revision === 10 ? late : Effect.void)),
      Stream.runCollect
    )
    assert.lengthOf(events, 600)
    assert.lengthOf(yield* revisionsOf(streamId, { until: { occurredAt: second(5) } }), 601)
  }),

  "returns a prefix for any instant": Effect.gen(function* () {
    const streamId = freshStream()
    yield* fill(streamId, newEvents(2))
    for (const [millis, count] of [
      [-8.64e15, 0],
      [8.64e15, 2]
    ] as const) {
      const until = { occurredAt: DateTime.makeUnsafe(millis) }
      assert.lengthOf(yield* revisionsOf(streamId, { until }), count)
    }
  }),

  "refuses an invalid stream id, and an invalid revision": Effect.gen(function* () {
    const streamId = freshStream()
    for (const [name, options] of [
      // Callers without types may pass these.
      ["nodash" as typeof streamId, {}],
      [streamId, { from: 1.5 as ReturnType<typeof revision> }],
      [streamId, { to: -1 as ReturnType<typeof revision> }]
    ] as const) {
      const error = yield* Effect.flip(revisionsOf(name, options))
      assert.instanceOf(error, InvalidReadOption)
    }
  }),

  "returns a range of revisions, in both directions, up to a limit": Effect.gen(function* () {
    const streamId = freshStream()
    yield* fill(streamId, newEvents(6))
    for (const from of [undefined, 0, 1, 3, 6, 7]) {
      for (const to of [undefined, 0, 1, 3, 6, 9, Number.MAX_SAFE_INTEGER]) {
        for (const limit of [undefined, 0, 1, 3, 100]) {
          for (const direction of [undefined, ...directions]) {
            const range = [1, 2, 3, 4, 5, 6].filter((n) => n >= (from ?? 1) && n <= (to ?? 6))
            const ordered = direction === "backward" ? range.reverse() : range
            assert.deepStrictEqual(
              yield* revisionsOf(streamId, {
                from: from === undefined ? undefined : revision(from),
                to: to === undefined ? undefined : revision(to),
                limit,
                direction
              }),
              ordered.slice(0, limit),
              `from ${from} to ${to} limit ${limit} ${direction}`
            )
          }
        }
      }
    }
  }),

  "returns more events than any page holds, in both directions": Effect.gen(function* () {
    const store = yield* EventStore
    const streamId = freshStream()
    const events = newEvents(2_500)
    yield* fill(streamId, events)
    const forward = yield* readStream(streamId)
    assert.deepStrictEqual(ids(forward), ids(events))
    const backward = yield* Stream.runCollect(store.read(streamId, { direction: "backward" }))
    assert.deepStrictEqual(ids(backward), ids(events).reverse())
    const numbers = (from: number, to: number) => events.slice(from - 1, to).map((_, n) => from + n)
    assert.deepStrictEqual(
      yield* revisionsOf(streamId, { from: revision(101), limit: 2_000 }),
      numbers(101, 2_100)
    )
    assert.deepStrictEqual(
      yield* revisionsOf(streamId, {
        to: revision(2_400),
        limit: 2_000,
        direction: "backward"
      }),
      numbers(401, 2_400).reverse()
    )
  }),

  "may be stopped early and started again": Effect.gen(function* () {
    const store = yield* EventStore
    const streamId = freshStream()
    yield* fill(streamId, newEvents(1_000))
    const reading = Stream.take(store.read(streamId), 3)
    assert.deepStrictEqual(revisions(yield* Stream.runCollect(reading)).map(Number), [1, 2, 3])
    assert.deepStrictEqual(revisions(yield* Stream.runCollect(reading)).map(Number), [1, 2, 3])
  }),

  "is not affected by changes to the data that was passed or returned": Effect.gen(function* () {
    const streamId = freshStream()
    const data = { lines: [{ product: "a" }] }
    yield* fill(streamId, [newEvent({ data })])
    // The caller owns both the data that it passed and the data that it received.
    data.lines.push({ product: "b" })
    const stored = yield* readFirst(streamId)
    assert.deepStrictEqual(stored.data, { lines: [{ product: "a" }] })
    const altered = stored.data as typeof data
    Arr.getUnsafe(altered.lines, 0).product = "c"
    const again = yield* readFirst(streamId)
    assert.deepStrictEqual(again.data, { lines: [{ product: "a" }] })
  }),

  ...each([-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53], (limit) => ({
    [`refuses the limit ${limit}`]: Effect.gen(function* () {
      const store = yield* EventStore
      for (const reading of [
        store.read(freshStream(), { limit }),
        store.readAll({ categories: [freshCategory()], limit })
      ]) {
        const error = yield* Effect.flip(Stream.runDrain(reading))
        assert.instanceOf(error, InvalidReadOption)
        assert.strictEqual(error.option, "limit")
        assert.strictEqual(error.value, String(limit))
      }
    })
  }))
}

export const readUntilCases: Cases = {
  "ends before the first event that occurred later, whatever follows it": Effect.gen(function* () {
    const streamId = freshStream()
    const seconds = [1, 2, 2, 5, 3, 4, 9]
    yield* fill(
      streamId,
      seconds.map((n) => newEvent({ occurredAt: second(n) }))
    )
    for (const [until, last] of [
      [0, 0],
      [1, 1],
      [1.999, 1],
      [2, 3],
      [4, 3],
      [5, 6],
      [9, 7],
      [10, 7]
    ] as const) {
      const prefix = seconds.slice(0, last).map((_, index) => index + 1)
      const options = { until: { occurredAt: second(until) } }
      assert.deepStrictEqual(yield* revisionsOf(streamId, options), prefix)
      assert.deepStrictEqual(
        yield* revisionsOf(streamId, { ...options, direction: "backward" }),
        prefix.toReversed()
      )
      assert.deepStrictEqual(
        yield* revisionsOf(streamId, { ...options, from: revision(2), limit: 3 }),
        prefix.slice(1, 4)
      )
      assert.deepStrictEqual(
        yield* revisionsOf(streamId, {
          ...options,
          direction: "backward",
          to: revision(5),
          limit: 2
        }),
        prefix.slice(0, 5).reverse().slice(0, 2)
      )
      // Nothing is left past the cut, although the fifth event occurred earlier than the
      // fourth.
      assert.deepStrictEqual(
        yield* revisionsOf(streamId, { ...options, from: revision(5) }),
        prefix.slice(4)
      )
    }
  }),

  "cuts by the time of recording on request": Effect.gen(function* () {
    const streamId = freshStream()
    for (let n = 3; n > 0; n--) {
      yield* fill(streamId, [newEvent({ occurredAt: second(n) }), newEvent()])
    }
    const stored = (yield* readStream(streamId)).map(comparable)
    for (const { recordedAt } of stored) {
      for (const millis of [recordedAt - 1, recordedAt]) {
        const later = stored.findIndex((event) => event.recordedAt > millis)
        const prefix = stored.slice(0, later === -1 ? undefined : later)
        const until = { recordedAt: DateTime.makeUnsafe(millis) }
        assert.deepStrictEqual(
          yield* revisionsOf(streamId, { until }),
          prefix.map((event) => Number(event.revision))
        )
        assert.deepStrictEqual(
          yield* revisionsOf(streamId, { until, direction: "backward", limit: 1 }),
          prefix.slice(-1).map((event) => Number(event.revision))
        )
      }
    }
  }),

  "cuts streams that are longer than any page": Effect.gen(function* () {
    const streamId = freshStream()
    const late = newEvent({ occurredAt: second(5) })
    yield* fill(streamId, [...newEvents(1_499), late, ...newEvents(1_000)])
    const options = { until: { occurredAt: second(4) } }
    assert.lengthOf(yield* revisionsOf(streamId, options), 1_499)
    assert.deepStrictEqual(
      yield* revisionsOf(streamId, { ...options, direction: "backward", limit: 2 }),
      [1_499, 1_498]
    )
    assert.deepStrictEqual(yield* revisionsOf(streamId, { ...options, from: revision(1_501) }), [])
  })
}
