import * as EventId from "@daybook/kernel/EventId"
import * as StreamId from "@daybook/kernel/StreamId"
import { EventStore, EventStoreError } from "@daybook/store/EventStore"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import { assert, describe, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import type { FoundStreams } from "../src/StreamAnswer.ts"
import { findStreams } from "../src/internal/findStreams.ts"
import * as Ruler from "../src/internal/ruler.ts"
import * as StreamIndex from "../src/internal/streamIndex.ts"

let drawn = 0

const append = (id: string) =>
  EventStore.use((store) =>
    store.append({
      streamId: StreamId.StreamId.make(`order-${id}`),
      expected: ExpectedRevision.any,
      events: [
        {
          type: "Seen",
          schemaVersion: 1,
          data: {},
          metadata: {},
          id: EventId.make(`0f2b6a44-8d7e-4a52-9b39-${String(drawn++).padStart(12, "0")}`),
          occurredAt: DateTime.makeUnsafe(0)
        }
      ]
    })
  )

const search = (index: StreamIndex.StreamIndex, query: object) =>
  EventStore.use((store) =>
    findStreams({ store, presented: new Map(), index: Effect.succeed(index) }, query, true)
  )

describe("the index of streams", () => {
  it.effect("says that it lacks streams, and leaves their order by change to the log", () =>
    Effect.gen(function* () {
      yield* Effect.forEach(["a", "b", "c", "a"], append, { discard: true })
      const index = yield* StreamIndex.make(yield* EventStore, 2)
      const byId = yield* search(index, { by: "id" })
      assert.deepStrictEqual(byId.count, { streams: 2, exact: false })
      const byChange = yield* search(index, {})
      assert.deepStrictEqual(
        byChange.streams.map(({ streamId }) => streamId),
        ["order-a", "order-c", "order-b"]
      )
      assert.strictEqual(byChange.streams[0]?.event?.revision, 2)
      const part = yield* search(index, { q: "*C*" })
      assert.strictEqual(part.streams[0]?.streamId, "order-c")
    }).pipe(Effect.provide(EventStoreMemory.layer))
  )

  it.effect("finds the newest events of a page where others stand between them", () =>
    Effect.gen(function* () {
      yield* append("old")
      for (let busy = 0; busy < 1_200; busy++) yield* append("busy")
      const index = yield* StreamIndex.make(yield* EventStore)
      const { streams } = yield* search(index, {})
      assert.deepStrictEqual(
        streams.map(({ event, streamId }) => `${streamId} ${event?.revision}`),
        ["order-busy 1200", "order-old 1"]
      )
    }).pipe(Effect.provide(EventStoreMemory.layer))
  )
})

/** Every page of a search, and how it was continued. */
const pages = (index: StreamIndex.StreamIndex, query: object) =>
  Effect.gen(function* () {
    const found = [yield* search(index, query)]
    for (;;) {
      const next = found.at(-1)?.next
      if (next === undefined) return found
      found.push(yield* search(index, { ...query, ...next }))
    }
  })

const idsOf = (found: ReadonlyArray<FoundStreams>) =>
  found.flatMap(({ streams }) => streams.map(({ streamId }) => streamId))

describe("a continued search", () => {
  const busy = Effect.gen(function* () {
    // Each stream has events above and below the end of every page.
    for (let round = 0; round < 4; round++) {
      yield* Effect.forEach(["a", "b", "c", "d", "e"], append, { discard: true })
    }
  })

  const allOnce = ["order-a", "order-b", "order-c", "order-d", "order-e"]

  for (const maxStreams of [100, 2]) {
    const name = maxStreams === 2 ? "without an index of all streams" : "with an index"
    it.effect(`has each stream once, ${name}`, () =>
      Effect.gen(function* () {
        yield* busy
        const index = yield* StreamIndex.make(yield* EventStore, maxStreams)
        const byChange = yield* pages(index, { limit: 2 })
        assert.deepStrictEqual(idsOf(byChange), allOnce.toReversed())
        assert.deepStrictEqual(byChange.map(({ offset }) => offset).slice(0, 3), [0, 2, 4])
        const byType = yield* pages(index, { q: "type:Seen", limit: 2 })
        assert.deepStrictEqual(idsOf(byType), allOnce.toReversed())
        assert.deepStrictEqual(byType.at(-1)?.count, { streams: 5, exact: true })
        // No id begins with it: the next page is of the reading that found something.
        const byPart = yield* pages(index, { q: "er-", limit: 2 })
        assert.deepStrictEqual(idsOf(byPart), allOnce.toReversed())
      }).pipe(Effect.provide(EventStoreMemory.layer))
    )
  }

  it.effect("does not repeat a stream that changed between two pages", () =>
    Effect.gen(function* () {
      yield* busy
      const index = yield* StreamIndex.make(yield* EventStore)
      const first = yield* search(index, { limit: 2 })
      yield* append("a")
      yield* append("f")
      yield* TestClock.adjust(2_000)
      const rest = yield* search(index, { limit: 100, ...first.next })
      assert.deepStrictEqual(idsOf([first, rest]), ["order-e", "order-d", "order-c", "order-b"])
      // The changed ones stand before them now.
      assert.strictEqual(rest.offset, 4)
      assert.strictEqual(rest.count.streams, 6)
    }).pipe(Effect.provide(EventStoreMemory.layer))
  )

  it.effect("has no places in the log", () =>
    Effect.gen(function* () {
      yield* busy
      const index = yield* StreamIndex.make(yield* EventStore)
      const error = yield* Effect.flip(search(index, { q: "type:Seen", offset: 2 }))
      assert.strictEqual(error._tag, "NotPossible")
    }).pipe(Effect.provide(EventStoreMemory.layer))
  )
})

describe("the index of streams in an outage of the store", () => {
  /** A store whose reads of streams and subscriptions fail while it is down. */
  const unsteady = Effect.map(EventStore, (store) => {
    const outage = { isDown: false, ends: Deferred.makeUnsafe<never, EventStoreError>() }
    const error = new EventStoreError({ operation: "read", cause: new Error("down") })
    const up = <A, E>(stream: Stream.Stream<A, E>) =>
      Stream.suspend(() =>
        outage.isDown
          ? Stream.fail(error)
          : Stream.merge(stream, Stream.fromEffect(Deferred.await(outage.ends)), {
              haltStrategy: "left"
            })
      )
    return {
      store: EventStore.of({
        ...store,
        head: Effect.suspend(() => (outage.isDown ? Effect.fail(error) : store.head)),
        stream: (id) => (outage.isDown ? Effect.fail(error) : store.stream(id)),
        streams: (options) => up(store.streams(options)),
        subscribePages: (options) => up(store.subscribePages(options))
      }),
      goDown: Effect.suspend(() => {
        outage.isDown = true
        return Deferred.fail(outage.ends, error)
      }),
      comeBack: Effect.sync(() => {
        outage.isDown = false
        outage.ends = Deferred.makeUnsafe()
      })
    }
  })

  const find = (store: EventStore["Service"], index: StreamIndex.StreamIndex, query: object) =>
    findStreams({ store, presented: new Map(), index: Effect.succeed(index) }, query, true)

  it.effect("says that it is lost, comes back, and has what was recorded meanwhile", () =>
    Effect.gen(function* () {
      const { comeBack, goDown, store } = yield* unsteady
      yield* append("a")
      const index = yield* StreamIndex.make(store)
      const before = yield* find(store, index, { by: "id" })
      assert.isUndefined(before.index)
      yield* goDown
      yield* TestClock.adjust(2_000)
      yield* append("b")
      const lost = yield* find(store, index, { by: "id" })
      assert.strictEqual(lost.index, "lost")
      assert.deepStrictEqual(lost.count, { streams: 1, exact: false })
      yield* TestClock.adjust(20_000)
      yield* comeBack
      yield* TestClock.adjust(20_000)
      const after = yield* find(store, index, { by: "id" })
      assert.isUndefined(after.index)
      assert.deepStrictEqual(idsOf([after]), ["order-a", "order-b"])
      assert.isTrue(after.count.exact)
    }).pipe(Effect.provide(EventStoreMemory.layer))
  )

  it.effect("is read when the store that failed at first is there", () =>
    Effect.gen(function* () {
      const { comeBack, goDown, store } = yield* unsteady
      yield* append("a")
      yield* goDown
      const index = yield* StreamIndex.make(store)
      yield* TestClock.adjust(2_000)
      assert.strictEqual((yield* find(store, index, { by: "id" })).index, "lost")
      yield* comeBack
      yield* TestClock.adjust(10_000)
      assert.deepStrictEqual(idsOf([yield* find(store, index, { by: "id" })]), ["order-a"])
    }).pipe(Effect.provide(EventStoreMemory.layer))
  )

  it.effect("leaves a failed search of the log a typed error", () =>
    Effect.gen(function* () {
      const { goDown, store } = yield* unsteady
      yield* append("a")
      const index = yield* StreamIndex.make(store)
      yield* goDown
      const error = yield* Effect.flip(find(store, index, { q: "type:Seen" }))
      assert.strictEqual(error._tag, "EventStoreError")
    }).pipe(Effect.provide(EventStoreMemory.layer))
  )
})

describe("the ruler", () => {
  it("counts every stream once, in buckets that are few enough", () => {
    const hour = 3_600_000
    const streams = Array.from({ length: 20_000 }, (_, place) => ({
      recordedAt: DateTime.makeUnsafe((20_000 - place) * hour)
    }))
    const { bucketMillis, buckets } = Ruler.make(streams)
    assert.isAtMost(buckets.length, 500)
    assert.strictEqual(
      buckets.reduce((sum, one) => sum + one.streams, 0),
      20_000
    )
    let offset = 0
    for (const one of buckets) {
      assert.strictEqual(one.offset, offset)
      assert.strictEqual(one.at % bucketMillis, 0)
      offset += one.streams
    }
    assert.deepStrictEqual(Ruler.make([]).buckets, [])
  })
})
