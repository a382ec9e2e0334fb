/**
 * Lists the streams of a log, and reads the facts of one.
 */
import type { StreamId } from "@daybook/kernel/StreamId"
import {
  EventStore,
  InvalidReadOption,
  type StreamFacts,
  type StreamsOptions
} from "@daybook/store/EventStore"
import * as Arr from "effect/Array"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as assert from "../../assert.ts"
import { each } from "../cases.ts"
import {
  type Cases,
  fill,
  freshCategory,
  freshStream,
  newEvent,
  newEvents,
  readCategories,
  readLast,
  revision,
  second,
  streamOf
} from "./fixture.ts"

const list = Effect.fnUntraced(function* (options: StreamsOptions) {
  const store = yield* EventStore
  return yield* Stream.runCollect(store.streams(options))
})

const namesOf = (options: StreamsOptions) =>
  Effect.map(list(options), (streams) => streams.map(({ streamId }) => streamId))

const millis = ({ occurredAt, recordedAt, ...facts }: StreamFacts) => ({
  ...facts,
  occurredAt: DateTime.toEpochMillis(occurredAt),
  recordedAt: DateTime.toEpochMillis(recordedAt)
})

/**
 * Each stream of a category is listed once, in order, with the facts of its last event: in one
 * list, in pages, and alone.
 */
const streamsAgreeWithLog = Effect.gen(function* () {
  const store = yield* EventStore
  const category = freshCategory()
  for (const [id, seconds] of [
    ["b", [1, 9, 3]],
    ["a", [2]],
    ["a-1", [7, 4]],
    ["c", [5]],
    ["a", [8, 6]]
  ] as const) {
    yield* fill(
      streamOf(category, id),
      seconds.map((n) => newEvent({ occurredAt: second(n) }))
    )
  }
  const events = yield* readCategories(9, category)
  const last = new Map(events.map((event) => [event.streamId, event]))
  const expected = ["a", "a-1", "b", "c"].map((id) => {
    const event = last.get(streamOf(category, id)) ?? assert.fail(`no event of ${id}`)
    const { occurredAt, position, recordedAt, revision, streamId } = event
    return millis({ streamId, revision, position, occurredAt, recordedAt })
  })
  const listed = yield* Stream.runCollect(store.streams({ category }))
  assert.deepStrictEqual(listed.map(millis), expected, "streams are listed as the log has them")
  const paged: Array<StreamFacts> = []
  for (;;) {
    const after = paged.at(-1)?.streamId
    const page = yield* Stream.runCollect(store.streams({ category, after, limit: 1 }))
    if (page.length === 0 || paged.length > expected.length) break
    paged.push(...page)
  }
  assert.deepStrictEqual(paged.map(millis), expected, "pages of streams are those of the list")
  for (const facts of expected) {
    const found = yield* store.stream(facts.streamId)
    assert.deepStrictEqual(
      found._tag === "Some" ? millis(found.value) : undefined,
      facts,
      "a stream is as it is listed"
    )
  }
})

export const streamsCases: Cases = {
  "lists each stream once, with the facts of its last event in the log": streamsAgreeWithLog,

  "returns revision, position and times of the last event of each stream": Effect.gen(function* () {
    const store = yield* EventStore
    const category = freshCategory()
    const [one, two] = [streamOf(category, "1"), streamOf(category, "2")]
    yield* fill(two, [newEvent({ occurredAt: second(9) }), newEvent({ occurredAt: second(4) })])
    yield* fill(one, [newEvent({ occurredAt: second(7) })])
    yield* fill(two, [newEvent({ occurredAt: second(5) })])
    const [lastOfOne, lastOfTwo] = [yield* readLast(one), yield* readLast(two)]
    const expected = [
      {
        streamId: one,
        revision: revision(1),
        position: lastOfOne.position,
        occurredAt: DateTime.toEpochMillis(second(7)),
        recordedAt: DateTime.toEpochMillis(lastOfOne.recordedAt)
      },
      {
        streamId: two,
        revision: revision(3),
        position: lastOfTwo.position,
        occurredAt: DateTime.toEpochMillis(second(5)),
        recordedAt: DateTime.toEpochMillis(lastOfTwo.recordedAt)
      }
    ]
    assert.deepStrictEqual((yield* list({ category })).map(millis), expected)
    assert.deepStrictEqual(Option.toArray(yield* store.stream(two)).map(millis), expected.slice(1))
    assert.isTrue(Option.isNone(yield* store.stream(streamOf(category, "3"))))
  }),

  "lists streams in the order of code points, not of a language": Effect.gen(function* () {
    const category = freshCategory()
    // As UTF-16, U+FFFD is above the surrogate pair of U+10000, but its code point is below it.
    const ids = ["-", "1", "10", "2", "A", "B", "a", "a b", "é", "\ufffd", "\u{10000}"]
    for (const id of ids.toReversed()) yield* fill(streamOf(category, id), newEvents(1))
    assert.deepStrictEqual(
      yield* namesOf({ category }),
      ids.map((id) => streamOf(category, id))
    )
  }),

  "lists the streams of a category whose ids begin with a prefix": Effect.gen(function* () {
    const category = freshCategory()
    const longer = freshCategory()
    const names = ["2025-1", "2026-1", "2026-2", "2026_3", "20"].map((id) => streamOf(category, id))
    for (const name of [...names, streamOf(longer, "2026-1")]) yield* fill(name, newEvents(2))
    const listed = (...places: ReadonlyArray<number>) => places.map((n) => names[n])
    for (const [options, expected] of [
      [{ prefix: `${category}-2026-` }, listed(1, 2)],
      [{ category, prefix: `${category}-2026` }, listed(1, 2, 3)],
      [{ category, prefix: category.slice(0, 9) }, listed(4, 0, 1, 2, 3)],
      [{ prefix: `${category}-20` }, listed(4, 0, 1, 2, 3)],
      [{ prefix: `${category}-2026-1` }, listed(1)],
      [{ category, prefix: `${longer}-` }, []],
      [{ prefix: `${category}-3` }, []],
      [{ category: freshCategory() }, []]
    ] as const) {
      assert.deepStrictEqual<ReadonlyArray<StreamId | undefined>>(
        yield* namesOf(options),
        expected,
        JSON.stringify(options)
      )
    }
  }),

  "continues after a given stream, existing or not, up to a limit": Effect.gen(function* () {
    const category = freshCategory()
    const names = Arr.makeBy(7, (n) => streamOf(category, `${n + 1}`))
    for (const name of names) yield* fill(name, newEvents(1))
    const seen: Array<StreamId> = []
    for (;;) {
      const page = yield* namesOf({ category, limit: 3, after: seen.at(-1) })
      seen.push(...page)
      if (page.length < 3) break
    }
    assert.deepStrictEqual(seen, names)
    const after = (id: string) => namesOf({ category, after: streamOf(category, id) })
    assert.deepStrictEqual(yield* after("3x"), names.slice(3))
    assert.deepStrictEqual(yield* after("0"), names)
    assert.deepStrictEqual(yield* after("8"), [])
    assert.deepStrictEqual(yield* namesOf({ category, limit: 0 }), [])
  }),

  "lists more streams than any page holds": Effect.gen(function* () {
    const store = yield* EventStore
    const category = freshCategory()
    const names = Arr.makeBy(1_300, (n) => streamOf(category, String(n).padStart(5, "0")))
    for (const some of Arr.chunksOf(names, 650)) {
      const [first, ...more] = some.map((streamId) => ({
        streamId,
        expected: { _tag: "Any" } as const,
        events: newEvents(1)
      }))
      if (first !== undefined) yield* store.appendAll({ appends: [first, ...more] })
    }
    assert.deepStrictEqual(yield* namesOf({ category }), names)
    assert.deepStrictEqual(yield* namesOf({ category, limit: 1_001 }), names.slice(0, 1_001))
  }),

  "lists all streams of the log by default": Effect.gen(function* () {
    const streamId = freshStream()
    yield* fill(streamId, newEvents(1))
    assert.include(yield* namesOf({}), streamId)
  }),

  ...each(
    [
      // Callers without types may pass these.
      ["limit", { limit: -1 }],
      ["after", { after: "nodash" as StreamId }],
      ["category", { category: "no-category" as StreamsOptions["category"] }],
      ["prefix", { prefix: "order-\u0000" }],
      ["prefix", { prefix: "-" }]
    ] as const,
    ([option, options]) => ({
      [`refuses an option out of range: ${JSON.stringify(options)}`]: Effect.gen(function* () {
        const error = yield* Effect.flip(list(options))
        assert.instanceOf(error, InvalidReadOption)
        assert.strictEqual(error.option, option)
      })
    })
  ),

  "refuses the facts of an invalid stream id": Effect.gen(function* () {
    const store = yield* EventStore
    const error = yield* Effect.flip(store.stream("nodash" as StreamId))
    assert.instanceOf(error, InvalidReadOption)
  })
}
