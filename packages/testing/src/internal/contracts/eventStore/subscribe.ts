/**
 * Follows the log, while others may write to it.
 */
import * as Position from "@daybook/kernel/Position"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import type * as StreamId from "@daybook/kernel/StreamId"
import { EventStore, InvalidReadOption } from "@daybook/store/EventStore"
import { any } from "@daybook/store/ExpectedRevision"
import type { SubscribeOptions, SubscriptionPage } from "@daybook/store/Subscription"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import * as assert from "../../assert.ts"
import { each } from "../cases.ts"
import {
  type Cases,
  comparable,
  fill,
  freshCategory,
  ids,
  inParallel,
  newEvent,
  newEvents,
  readCategories,
  streamOf
} from "./fixture.ts"

const take = Effect.fnUntraced(function* (count: number, options: SubscribeOptions) {
  const store = yield* EventStore
  return yield* Stream.runCollect(Stream.take(store.subscribe(options), count))
})

/** Collects pages up to the first that reaches `position`. */
const pagesUpTo = Effect.fnUntraced(function* (
  position: Position.Position,
  options: SubscribeOptions
) {
  const store = yield* EventStore
  return yield* Stream.runCollect(
    Stream.takeUntil(store.subscribePages(options), (page) => page.position >= position)
  )
})

/** Starts a subscriber of one category that hands over each page on request. */
const follow = Effect.fnUntraced(function* (category: StreamId.Category) {
  const store = yield* EventStore
  const pages = yield* Queue.bounded<SubscriptionPage>(1)
  yield* Stream.runForEach(store.subscribePages({ categories: [category] }), (page) =>
    Queue.offer(pages, page)
  ).pipe(Effect.forkScoped)
  const next = (count: number) =>
    Effect.gen(function* () {
      const events: Array<RecordedEvent> = []
      while (events.length < count) events.push(...(yield* Queue.take(pages)).events)
      return events
    })
  return { next }
})

const increasing = (pages: ReadonlyArray<SubscriptionPage>, after: Position.Position) => {
  let before = after
  for (const { events, position } of pages) {
    for (const event of events) {
      assert.isTrue(event.position > before, "events come in position order")
      before = event.position
    }
    assert.isTrue(position >= before && position > after, "a page ends at or after its last event")
    before = position
  }
}

/**
 * Subscribers that start before, during and after the appends, and that resume where they stopped,
 * see every matching event once, in position order.
 */
const subscriberSeesAllOnce = Effect.gen(function* () {
  const store = yield* EventStore
  const category = freshCategory()
  const write = Effect.fnUntraced(function* (writer: number) {
    const streamId = streamOf(category, String(writer))
    for (let n = 0; n < 15; n++) {
      yield* store.append({ streamId, expected: any, events: newEvents(1 + (n % 3)) })
      yield* Effect.yieldNow
    }
  })
  const follow = (pagesAtOnce: number) =>
    Effect.gen(function* () {
      const seen: Array<RecordedEvent> = []
      let after = Position.start
      while (seen.at(-1)?.type !== "End") {
        const pages = store.subscribePages({ categories: [category], after }).pipe(
          Stream.filter(({ events }) => events.length > 0),
          Stream.take(pagesAtOnce),
          Stream.takeUntil(({ events }) => events.at(-1)?.type === "End")
        )
        yield* Stream.runForEach(pages, ({ events, position }) =>
          Effect.sync(() => {
            seen.push(...events)
            after = position
          })
        )
      }
      return seen
    })
  const early = yield* Effect.forEach([1, 3, 1_000], (pages) => Effect.forkChild(follow(pages)))
  const writers = yield* Effect.forkChild(Effect.forEach(Arr.range(1, 8), write, inParallel))
  const during = yield* Effect.forkChild(follow(2))
  yield* Fiber.join(writers)
  yield* store.append({
    streamId: streamOf(category, "9"),
    expected: any,
    events: [newEvent({ type: "End" })]
  })
  const late = yield* Effect.forkChild(follow(1_000))
  const all = yield* readCategories(8 * 30 + 1, category)
  assert.lengthOf(all, 8 * 30 + 1)
  for (const subscriber of [...early, during, late]) {
    assert.deepStrictEqual(
      ids(yield* Fiber.join(subscriber)),
      ids(all),
      "a subscriber sees each event once, in order"
    )
  }
})

export const subscribeCases: Cases = {
  "emits each event once and in order, whenever a subscriber starts": subscriberSeesAllOnce,

  "emits recorded events as reading does, then those that are appended": Effect.gen(function* () {
    const category = freshCategory()
    const [before, after] = [newEvents(3), newEvents(2)]
    yield* fill(streamOf(category, "1"), before)
    yield* readCategories(3, category)
    const subscriber = yield* follow(category)
    const recorded = yield* subscriber.next(3)
    yield* fill(streamOf(category, "2"), after)
    const live = yield* subscriber.next(2)
    assert.deepStrictEqual(
      [...recorded, ...live].map(comparable),
      (yield* readCategories(5, category)).map(comparable)
    )
    assert.deepStrictEqual(ids(live), ids(after))
  }),

  "emits each event that is appended long after the last one": Effect.gen(function* () {
    const category = freshCategory()
    const subscriber = yield* follow(category)
    for (const event of newEvents(20)) {
      yield* fill(streamOf(category, "1"), [event])
      assert.deepStrictEqual(ids(yield* subscriber.next(1)), [event.id])
      // An append to another category wakes the subscriber in vain.
      yield* fill(streamOf(freshCategory(), "1"), newEvents(1))
    }
  }),

  "begins after the given position": Effect.gen(function* () {
    const category = freshCategory()
    const events = newEvents(4)
    yield* fill(streamOf(category, "1"), events)
    const recorded = yield* readCategories(4, category)
    const { position } = Arr.getUnsafe(recorded, 1)
    const categories = [category]
    assert.deepStrictEqual(
      ids(yield* take(2, { after: position, categories })),
      ids(events.slice(2))
    )
    const last = Arr.getUnsafe(recorded, 3).position
    const waiting = yield* Effect.forkChild(take(1, { after: last, categories }), {
      startImmediately: true
    })
    yield* fill(streamOf(freshCategory(), "1"), newEvents(3))
    const [event] = newEvents(1)
    yield* fill(streamOf(category, "1"), [event])
    assert.deepStrictEqual(ids(yield* Fiber.join(waiting)), [event.id])
  }),

  "filters by category and type, before and after it has caught up": Effect.gen(function* () {
    const [first, second] = [freshCategory(), freshCategory()]
    const write = Effect.forEach(
      [
        [first, "A"],
        [second, "A"],
        [first, "B"],
        [second, "B"],
        [first, "A"]
      ] as const,
      ([category, type]) => fill(streamOf(category, "1"), [newEvent({ type })])
    )
    const filters = [
      { categories: [first] },
      { categories: [first, second] },
      { categories: [second], types: ["B"] },
      { categories: [first, second], types: ["A", "C"] }
    ]
    yield* write
    const all = yield* readCategories(5, first, second)
    const subscribers = yield* Effect.forEach(filters, (filter) => {
      const matches = matching(filter)
      const count = all.filter(matches).length * 2
      return Effect.map(Effect.forkChild(take(count, filter)), (fiber) => ({ fiber, matches }))
    })
    yield* write
    const later = yield* readCategories(10, first, second)
    for (const { fiber, matches } of subscribers) {
      assert.deepStrictEqual(ids(yield* Fiber.join(fiber)), ids(later.filter(matches)))
    }
  }),

  "advances past events that do not match, so that a checkpoint does not lag": Effect.gen(
    function* () {
      const category = freshCategory()
      const stream = streamOf(category, "1")
      const [first, last] = [newEvent({ type: "Rare" }), newEvent({ type: "Rare" })]
      yield* fill(stream, [first, ...newEvents(1_200)])
      const recorded = yield* readCategories(1_201, category)
      const end = Arr.getUnsafe(recorded, 1_200).position
      const filter = { categories: [category], types: ["Rare"] }
      const nothing = [
        { categories: [] },
        { types: [] },
        { categories: [freshCategory()] },
        { types: [freshCategory()] }
      ]
      for (const options of [filter, ...nothing]) {
        const pages = yield* pagesUpTo(end, options)
        increasing(pages, Position.start)
        assert.deepStrictEqual(
          pages.flatMap(({ events }) => ids(events)),
          options === filter ? [first.id] : []
        )
      }
      const checkpoint = Arr.getUnsafe((yield* pagesUpTo(end, filter)).toReversed(), 0).position
      yield* fill(stream, [...newEvents(3), last])
      assert.deepStrictEqual(ids(yield* take(1, { ...filter, after: checkpoint })), [last.id])
    }
  ),

  "emits a long log in pages, each no longer than an append": Effect.gen(function* () {
    const category = freshCategory()
    const events = newEvents(2_500)
    yield* fill(streamOf(category, "1"), events)
    const recorded = yield* readCategories(2_500, category)
    const after = Position.make(Arr.getUnsafe(recorded, 0).position - 1n)
    const end = Arr.getUnsafe(recorded, 2_499).position
    const pages = yield* pagesUpTo(end, { categories: [category], after })
    increasing(pages, after)
    assert.deepStrictEqual(
      pages.flatMap((page) => ids(page.events)),
      ids(events)
    )
    for (const page of pages) assert.isAtMost(page.events.length, 1_000)
  }),

  "continues from any page as if it had not stopped": Effect.gen(function* () {
    const category = freshCategory()
    const events = newEvents(1_300)
    yield* fill(streamOf(category, "1"), events)
    const recorded = yield* readCategories(1_300, category)
    const end = Arr.getUnsafe(recorded, 1_299).position
    const categories = [category]
    const pages = yield* pagesUpTo(end, { categories })
    const seen: Array<RecordedEvent> = []
    for (const page of pages) {
      seen.push(...page.events)
      const rest = 1_300 - seen.length
      const more = rest === 0 ? [] : yield* take(rest, { categories, after: page.position })
      assert.deepStrictEqual(ids([...seen, ...more]), ids(events))
    }
  }),

  "waits for a slow consumer, and then emits what was appended meanwhile": Effect.gen(function* () {
    const store = yield* EventStore
    const category = freshCategory()
    const stream = streamOf(category, "1")
    const events = newEvents(600)
    // Several events are appended for each event that is taken.
    let next = 1
    yield* fill(stream, events.slice(0, 1))
    const seen = yield* store.subscribe({ categories: [category] }).pipe(
      Stream.tap(() => {
        const from = next
        next = Math.min(next + 50, events.length)
        return fill(stream, events.slice(from, next))
      }),
      Stream.take(events.length),
      Stream.runCollect
    )
    assert.deepStrictEqual(ids(seen), ids(events))
  }),

  "serves many subscribers that start and end at any time": Effect.gen(function* () {
    const category = freshCategory()
    const events = newEvents(30)
    const subscribers = yield* Effect.forEach(Arr.range(1, 30), (count) =>
      Effect.forkChild(take(count, { categories: [category] }), { startImmediately: true })
    )
    yield* Effect.forEach(events, (event) => fill(streamOf(category, "1"), [event]))
    for (const [index, subscriber] of subscribers.entries()) {
      assert.deepStrictEqual(ids(yield* Fiber.join(subscriber)), ids(events.slice(0, index + 1)))
    }
  }),

  ...each(
    [
      ["a type that no event can have", { types: ["no type"] }],
      // A position from elsewhere may be unchecked.
      ["a position below 0", { after: -1n as Position.Position }]
    ] as const,
    ([name, options]) => ({
      [`refuses ${name}`]: Effect.gen(function* () {
        const store = yield* EventStore
        const error = yield* Effect.flip(Stream.runDrain(store.subscribe(options)))
        assert.instanceOf(error, InvalidReadOption)
      })
    })
  )
}

const matching =
  ({ categories, types }: SubscribeOptions) =>
  ({ streamId, type }: RecordedEvent): boolean =>
    (categories === undefined || categories.some((name) => streamId.startsWith(`${name}-`))) &&
    (types === undefined || types.includes(type))
