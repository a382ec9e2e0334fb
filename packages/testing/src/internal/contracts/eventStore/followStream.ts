/**
 * Follows one stream, and reads only its events of some types.
 */
import * as Position from "@daybook/kernel/Position"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import type * as Revision from "@daybook/kernel/Revision"
import type { StreamId } from "@daybook/kernel/StreamId"
import { EventStore, InvalidReadOption, type ReadOptions } from "@daybook/store/EventStore"
import { any } from "@daybook/store/ExpectedRevision"
import { MAX_BACKLOG, type SubscribeOptions } from "@daybook/store/Subscription"
import * as Arr from "effect/Array"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
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
  readStream,
  revision,
  revisions,
  second,
  streamOf
} from "./fixture.ts"

const take = Effect.fnUntraced(function* (count: number, options: SubscribeOptions) {
  const store = yield* EventStore
  return yield* Stream.runCollect(Stream.take(store.subscribe(options), count))
})

/** Builds events of these types, in this order. */
const ofTypes = (types: string) => Array.from(types, (type) => newEvent({ type }))

/**
 * Followers of a stream that start before, during and after its appends, and that resume at a
 * revision or at the position of a page, see it whole.
 */
const followerSeesStreamWhole = Effect.gen(function* () {
  const store = yield* EventStore
  const category = freshCategory()
  // One name is a prefix of the other.
  const [streamId, other] = [streamOf(category, "1"), streamOf(category, "10")]
  const write = Effect.gen(function* () {
    for (let n = 0; n < 25; n++) {
      yield* store.append({ streamId, expected: any, events: newEvents(1 + (n % 3)) })
      yield* store.append({ streamId: other, expected: any, events: newEvents(1) })
      yield* Effect.yieldNow
    }
    yield* store.append({ streamId, expected: any, events: [newEvent({ type: "End" })] })
  })
  const follow = (pagesAtOnce: number, by: "revision" | "position") =>
    Effect.gen(function* () {
      const seen: Array<RecordedEvent> = []
      let after = Position.start
      while (seen.at(-1)?.type !== "End") {
        const from =
          by === "position" ? { after } : { afterRevision: seen.at(-1)?.revision ?? revision(0) }
        const pages = store.subscribePages({ streamId, ...from }).pipe(
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
  const early = yield* Effect.forEach([1, 3, 1_000], (pages) =>
    Effect.forkChild(follow(pages, "revision"))
  )
  const writer = yield* Effect.forkChild(write)
  const during = yield* Effect.forkChild(follow(2, "position"))
  yield* Fiber.join(writer)
  const late = yield* Effect.forkChild(follow(1, "position"))
  const all = yield* readStream(streamId)
  for (const follower of [...early, during, late]) {
    const seen = yield* Fiber.join(follower)
    assert.deepStrictEqual<ReadonlyArray<number>>(
      revisions(seen),
      Arr.range(1, 50),
      "a follower sees each revision once, in order"
    )
    assert.deepStrictEqual(ids(seen), ids(all), "a follower sees the events of its stream")
  }
})

export const followStreamCases: Cases = {
  "emits revisions 1..n of its stream, and no other stream's": followerSeesStreamWhole,

  "emits recorded events as reading does, then those that are appended": Effect.gen(function* () {
    const store = yield* EventStore
    const category = freshCategory()
    const [streamId, other] = [streamOf(category, "1"), streamOf(category, "10")]
    yield* fill(streamId, newEvents(2))
    yield* fill(other, newEvents(2))
    const given = yield* Queue.unbounded<RecordedEvent>()
    yield* Stream.runForEach(store.subscribe({ streamId }), (event) =>
      Queue.offer(given, event)
    ).pipe(Effect.forkScoped)
    const recorded = [yield* Queue.take(given), yield* Queue.take(given)]
    yield* fill(other, newEvents(1))
    yield* fill(streamId, newEvents(2))
    const live = [yield* Queue.take(given), yield* Queue.take(given)]
    assert.deepStrictEqual(
      [...recorded, ...live].map(comparable),
      (yield* readStream(streamId)).map(comparable)
    )
  }),

  "emits each event that is appended long after the last one": Effect.gen(function* () {
    const store = yield* EventStore
    const streamId = freshStream()
    const given = yield* Queue.unbounded<RecordedEvent>()
    yield* Stream.runForEach(store.subscribe({ streamId }), (event) =>
      Queue.offer(given, event)
    ).pipe(Effect.forkScoped)
    for (const event of newEvents(10)) {
      yield* fill(streamId, [event])
      assert.strictEqual((yield* Queue.take(given)).id, event.id)
      // An append to another stream wakes the subscriber in vain.
      yield* fill(freshStream(), newEvents(1))
    }
  }),

  "begins after a revision or a position, which may not be reached yet": Effect.gen(function* () {
    const streamId = freshStream()
    const events = newEvents(6)
    yield* fill(streamId, events.slice(0, 2))
    yield* fill(freshStream(), newEvents(3))
    yield* fill(streamId, events.slice(2, 4))
    const recorded = yield* readStream(streamId)
    const positionOf = (n: number) => Arr.getUnsafe(recorded, n - 1).position
    for (const [options, seen] of [
      [{}, 0],
      [{ afterRevision: revision(0) }, 0],
      [{ afterRevision: revision(3) }, 3],
      [{ after: Position.start }, 0],
      [{ after: positionOf(1) }, 1],
      [{ after: positionOf(2) }, 2],
      [{ after: Position.make(positionOf(3) - 1n) }, 2],
      [{ after: positionOf(3), afterRevision: revision(1) }, 3],
      [{ after: positionOf(1), afterRevision: revision(3) }, 3]
    ] as const) {
      assert.deepStrictEqual(
        ids(yield* take(4 - seen, { streamId, ...options })),
        ids(events.slice(seen, 4))
      )
    }
    const ahead = yield* Effect.forkChild(take(1, { streamId, afterRevision: revision(5) }), {
      startImmediately: true
    })
    yield* fill(streamId, events.slice(4))
    assert.deepStrictEqual(ids(yield* Fiber.join(ahead)), ids(events.slice(5)))
  }),

  "waits for a stream that does not exist": Effect.gen(function* () {
    const streamId = freshStream()
    const events = newEvents(2)
    const waiting = yield* Effect.forkChild(take(2, { streamId }), { startImmediately: true })
    yield* fill(freshStream(), newEvents(1))
    yield* fill(streamId, events)
    assert.deepStrictEqual(ids(yield* Fiber.join(waiting)), ids(events))
  }),

  "filters by type, before and after it has caught up": Effect.gen(function* () {
    const streamId = freshStream()
    const events = ofTypes("ABCAABCB")
    yield* fill(streamId, events.slice(0, 5))
    const types = ["B", "D"]
    const subscriber = yield* Effect.forkChild(take(3, { streamId, types }))
    yield* fill(streamId, events.slice(5))
    const wanted = [1, 5, 7].map((n) => Arr.getUnsafe(events, n))
    assert.deepStrictEqual(ids(yield* Fiber.join(subscriber)), ids(wanted))
  }),

  "continues from the checkpoint of any page, past events that do not match": Effect.gen(
    function* () {
      const store = yield* EventStore
      const streamId = freshStream()
      const rare = newEvent({ type: "Rare" })
      yield* fill(streamId, [...newEvents(1_500), rare, ...newEvents(1_200)])
      const end = (yield* readStream(streamId)).at(-1)?.position ?? Position.start
      for (const types of [undefined, ["Rare"], ["Never"]]) {
        const pages = yield* store.subscribePages({ streamId, types }).pipe(
          Stream.takeUntil(({ position }) => position >= end),
          Stream.runCollect
        )
        const given = types === undefined ? 2_701 : types.includes("Rare") ? 1 : 0
        assert.lengthOf(
          pages.flatMap(({ events }) => events),
          given
        )
        assert.strictEqual(pages.at(-1)?.position, end)
        for (const page of pages) assert.isAtMost(page.events.length, 1_000)
        const checkpoint = Arr.getUnsafe(pages, 0).position
        const seen = pages[0]?.events.length ?? 0
        if (given > seen) {
          const rest = yield* take(given - seen, { streamId, types, after: checkpoint })
          assert.deepStrictEqual(ids(rest), ids(pages.slice(1).flatMap(({ events }) => events)))
        }
      }
    }
  ),

  "counts the remaining events of a stream": Effect.gen(function* () {
    const store = yield* EventStore
    const category = freshCategory()
    const streamId = streamOf(category, "1")
    yield* fill(streamId, ofTypes("ABAB"))
    yield* fill(streamOf(category, "2"), ofTypes("A"))
    const stored = yield* readStream(streamId)
    const after = Arr.getUnsafe(stored, 1).position
    for (const [options, events, first] of [
      [{}, 4, 0],
      [{ afterRevision: revision(1) }, 3, 1],
      [{ after }, 2, 2],
      [{ after, types: ["A"] }, 1, 2],
      [{ types: ["B"] }, 2, 1],
      [{ categories: [category] }, 4, 0]
    ] as const) {
      const backlog = yield* store.backlog({ streamId, ...options })
      assert.strictEqual(backlog.events, events)
      assert.deepStrictEqual(
        Option.map(backlog.since, DateTime.toEpochMillis),
        Option.map(Option.fromUndefinedOr(stored[first]), ({ recordedAt }) =>
          DateTime.toEpochMillis(recordedAt)
        )
      )
    }
    for (const options of [
      { afterRevision: revision(4) },
      { types: [] },
      { categories: [freshCategory()] }
    ]) {
      const { events, since } = yield* store.backlog({ streamId, ...options })
      assert.deepStrictEqual([events, Option.isNone(since)], [0, true])
    }
  }),

  "counts up to its limit, and finds rare events past that": Effect.gen(function* () {
    const store = yield* EventStore
    const streamId = freshStream()
    yield* fill(streamId, [...newEvents(MAX_BACKLOG + 500), newEvent({ type: "Rare" })])
    const types = ["Rare"]
    assert.strictEqual((yield* store.backlog({ streamId })).events, MAX_BACKLOG)
    assert.strictEqual((yield* store.backlog({ streamId, types })).events, 1)
    assert.lengthOf(yield* take(1, { streamId, types }), 1)
    for (const direction of ["forward", "backward"] as const) {
      assert.lengthOf(yield* Stream.runCollect(store.read(streamId, { types, direction })), 1)
    }
  }),

  ...each(
    [
      ["a revision without a stream", { afterRevision: revision(1) }],
      // Callers without types may pass these.
      ["an invalid stream id", { streamId: "nodash" as StreamId }],
      ["an invalid revision", { streamId: freshStream(), afterRevision: -1 as Revision.Revision }]
    ] as const,
    ([name, options]) => ({
      [`refuses ${name}`]: Effect.gen(function* () {
        const store = yield* EventStore
        for (const asked of [Stream.runDrain(store.subscribe(options)), store.backlog(options)]) {
          assert.instanceOf(yield* Effect.flip(asked), InvalidReadOption)
        }
      })
    })
  )
}

export const readByTypeCases: Cases = {
  "returns the events of the types, in range, in both directions, up to a limit": Effect.gen(
    function* () {
      const store = yield* EventStore
      const streamId = freshStream()
      yield* fill(streamId, ofTypes("ABCABCA"))
      const numbers = (options: ReadOptions) =>
        Effect.map(Stream.runCollect(store.read(streamId, options)), (events) =>
          events.map((event) => Number(event.revision))
        )
      for (const [options, expected] of [
        [{ types: ["A"] }, [1, 4, 7]],
        [{ types: ["A", "C"], direction: "backward" }, [7, 6, 4, 3, 1]],
        [{ types: ["A"], from: revision(2), limit: 1 }, [4]],
        [{ types: ["B", "X"], to: revision(4) }, [2]],
        [{ types: ["A"], to: revision(6), direction: "backward", limit: 1 }, [4]],
        [{ types: ["X"] }, []],
        [{ types: [] }, []]
      ] as const) {
        assert.deepStrictEqual(yield* numbers(options), [...expected], JSON.stringify(options))
      }
    }
  ),

  "cuts the stream at an instant as if all types were read": Effect.gen(function* () {
    const store = yield* EventStore
    const streamId = freshStream()
    yield* fill(streamId, [
      newEvent({ type: "A", occurredAt: second(1) }),
      newEvent({ type: "B", occurredAt: second(9) }),
      newEvent({ type: "A", occurredAt: second(2) })
    ])
    const options = { types: ["A"], until: { occurredAt: second(5) } }
    assert.strictEqual(yield* Stream.runCount(store.read(streamId, options)), 1)
  }),

  "refuses a type that no event can have": Effect.gen(function* () {
    const store = yield* EventStore
    const reading = Stream.runDrain(store.read(freshStream(), { types: ["no type"] }))
    assert.instanceOf(yield* Effect.flip(reading), InvalidReadOption)
  })
}
