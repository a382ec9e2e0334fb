/**
 * Reads the log, while others may write to it.
 */
import * as Position from "@daybook/kernel/Position"
import * as StreamId from "@daybook/kernel/StreamId"
import { EventStore, InvalidReadOption, type ReadAllOptions } from "@daybook/store/EventStore"
import { any } from "@daybook/store/ExpectedRevision"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as assert from "../../assert.ts"
import { each } from "../cases.ts"
import {
  type Cases,
  comparable,
  fill,
  freshCategory,
  ids,
  newEvent,
  newEvents,
  readCategories,
  readStream,
  streamOf
} from "./fixture.ts"

/** A category, and another that has its name as a prefix, each with events of types `A` and `B`. */
const twoCategories = Effect.gen(function* () {
  const store = yield* EventStore
  const first = freshCategory()
  const second = StreamId.Category.make(`${first}_more`)
  for (const [category, id, type] of [
    [first, "1", "A"],
    [second, "1", "A"],
    [first, "2", "B"],
    [first, "1", "B"],
    [second, "2", "B"],
    [first, "1", "A"]
  ] as const) {
    yield* store.append({
      streamId: streamOf(category, id),
      expected: any,
      events: [newEvent({ type })]
    })
  }
  const events = yield* readCategories(6, first, second)
  assert.lengthOf(events, 6)
  return { first, second, events }
})

export const readAllCases: Cases = {
  "returns all events of several categories in order, of unequal size too": Effect.gen(
    function* () {
      const store = yield* EventStore
      const [busy, calm, rare] = [freshCategory(), freshCategory(), freshCategory()]
      const appended: Array<{
        readonly category: string
        readonly id: string
        readonly type: string
      }> = []
      // Two categories have more than a page each, one after the other; the third has few events.
      for (const [category, count] of [
        [busy, 700],
        [calm, 60],
        [busy, 500],
        [rare, 2],
        [calm, 1_000],
        [calm, 400],
        [busy, 900],
        [rare, 1]
      ] as const) {
        const events = Arr.makeBy(count, (n) => newEvent({ type: n % 3 === 0 ? "A" : "B" }))
        yield* store.append({ streamId: streamOf(category, "1"), expected: any, events })
        appended.push(...events.map(({ id, type }) => ({ category, id, type })))
      }
      for (const categories of [
        [busy, calm, rare],
        [rare, calm],
        [busy, rare, freshCategory(), freshCategory()]
      ]) {
        for (const types of [undefined, ["A"]]) {
          const expected = appended
            .filter(
              ({ category, type }) =>
                categories.some((one) => one === category) && (types?.includes(type) ?? true)
            )
            .map(({ id }) => id)
          const read = (options: ReadAllOptions) =>
            Effect.map(
              Stream.runCollect(store.readAll({ categories, types, ...options })),
              (found) => found.map(({ id }): string => id)
            )
          assert.deepStrictEqual(yield* read({}), expected)
          assert.deepStrictEqual(yield* read({ direction: "backward" }), expected.toReversed())
          assert.deepStrictEqual(yield* read({ limit: 999 }), expected.slice(0, 999))
          const live = store.subscribe({ categories, types }).pipe(
            Stream.take(expected.length),
            Stream.map(({ id }): string => id),
            Stream.runCollect
          )
          assert.deepStrictEqual(yield* live, expected)
        }
      }
    }
  ),

  "returns the same events as their streams, in the order of the appends": Effect.gen(function* () {
    const { events, first, second } = yield* twoCategories
    const streams = yield* Effect.forEach(
      [
        [first, "1"],
        [first, "2"],
        [second, "1"],
        [second, "2"]
      ] as const,
      ([category, id]) => readStream(streamOf(category, id))
    )
    const own = streams.flat().toSorted((a, b) => (a.position < b.position ? -1 : 1))
    assert.deepStrictEqual(events.map(comparable), own.map(comparable))
    assert.deepStrictEqual(
      events.map((event) => event.type),
      ["A", "A", "B", "B", "B", "A"]
    )
  }),

  "returns all events between two positions when there is no filter": Effect.gen(function* () {
    const store = yield* EventStore
    const { events } = yield* twoCategories
    const [after, upTo] = [Arr.getUnsafe(events, 1).position, Arr.getUnsafe(events, 4).position]
    for (const direction of ["forward", "backward"] as const) {
      const all = yield* Stream.runCollect(store.readAll({ after, upTo, direction }))
      // Others may have appended events in between, which the read includes.
      const own = all.filter((event) => events.some(({ id }) => id === event.id))
      const expected = ids(events.slice(2, 5))
      assert.deepStrictEqual(ids(own), direction === "forward" ? expected : expected.toReversed())
    }
  }),

  "filters by category, type and position, in both directions, up to a limit": Effect.gen(
    function* () {
      const store = yield* EventStore
      const { events, first, second } = yield* twoCategories
      const last = Position.make(9_223_372_036_854_775_807n)
      const beyond = Position.make(Arr.getUnsafe(events, 5).position + 1_000_000n)
      for (const categories of [[], [first], [second], [second, first], [first, first]]) {
        for (const types of [undefined, [], ["A"], ["B", "A", "C"], ["C"], ["a"]]) {
          for (const [after, upTo] of [
            [undefined, undefined],
            [Position.start, beyond],
            [Arr.getUnsafe(events, 0).position, Arr.getUnsafe(events, 4).position],
            [Arr.getUnsafe(events, 2).position, undefined],
            [undefined, Arr.getUnsafe(events, 2).position],
            [Arr.getUnsafe(events, 4).position, Arr.getUnsafe(events, 1).position],
            [beyond, undefined],
            [undefined, Position.start],
            [Position.start, last],
            [last, last]
          ] as const) {
            for (const limit of [undefined, 0, 2]) {
              for (const direction of [undefined, "backward"] as const) {
                const matching = events.filter(
                  ({ position, streamId, type }) =>
                    categories.includes(StreamId.category(streamId)) &&
                    (types === undefined || types.includes(type)) &&
                    position > (after ?? Position.start) &&
                    position <= (upTo ?? last)
                )
                const ordered = direction === "backward" ? matching.reverse() : matching
                const options = { categories, types, after, upTo, limit, direction }
                const read = yield* Stream.runCollect(store.readAll(options))
                assert.deepStrictEqual(ids(read), ids(ordered.slice(0, limit)))
              }
            }
          }
        }
      }
    }
  ),

  "finds types in every category": Effect.gen(function* () {
    const store = yield* EventStore
    const type = freshCategory()
    const event = newEvent({ type })
    const category = freshCategory()
    yield* fill(streamOf(category, "1"), [newEvent(), event, newEvent()])
    yield* readCategories(3, category)
    const read = yield* Stream.runCollect(store.readAll({ types: [type] }))
    assert.deepStrictEqual(ids(read), [event.id])
  }),

  "returns nothing when a list is empty": Effect.gen(function* () {
    const store = yield* EventStore
    yield* twoCategories
    for (const options of [{ categories: [] }, { types: [] }]) {
      assert.lengthOf(yield* Stream.runCollect(store.readAll(options)), 0)
    }
  }),

  "returns more events than any page holds, in both directions": Effect.gen(function* () {
    const store = yield* EventStore
    const category = freshCategory()
    const events = newEvents(2_500)
    // Events of another category lie in between, so that pages and matches do not coincide.
    for (let n = 0; n < events.length; n += 500) {
      yield* fill(streamOf(category, String(n % 1_000)), events.slice(n, n + 500))
      yield* fill(streamOf(freshCategory(), "1"), newEvents(300))
    }
    assert.deepStrictEqual(ids(yield* readCategories(2_500, category)), ids(events))
    const read = (options: ReadAllOptions) =>
      Effect.map(Stream.runCollect(store.readAll({ categories: [category], ...options })), ids)
    const backward = ids(events).reverse()
    assert.deepStrictEqual(yield* read({ direction: "backward" }), backward)
    assert.deepStrictEqual(yield* read({ limit: 2_001 }), ids(events).slice(0, 2_001))
    assert.deepStrictEqual(
      yield* read({ direction: "backward", limit: 2_001 }),
      backward.slice(0, 2_001)
    )
  }),

  "pages through the log by position": Effect.gen(function* () {
    const store = yield* EventStore
    const category = freshCategory()
    const events = newEvents(25)
    yield* fill(streamOf(category, "1"), events)
    yield* readCategories(25, category)
    const paged = yield* Stream.runCollect(
      Stream.paginate(Position.start, (after) =>
        Effect.map(
          Stream.runCollect(store.readAll({ categories: [category], after, limit: 7 })),
          (page) => [page, Option.map(Arr.last(page), ({ position }) => position)] as const
        )
      )
    )
    assert.deepStrictEqual(ids(paged), ids(events))
  }),

  ...each(["", "no type", "a\0b", "\ud800"], (type) => ({
    [`refuses the type ${JSON.stringify(type)}`]: Effect.gen(function* () {
      const store = yield* EventStore
      const error = yield* Effect.flip(Stream.runDrain(store.readAll({ types: ["A", type] })))
      assert.instanceOf(error, InvalidReadOption)
      assert.strictEqual(error.option, "types")
    })
  }))
}
