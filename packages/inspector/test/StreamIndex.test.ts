import * as EventId from "@daybook/kernel/EventId"
import * as StreamId from "@daybook/kernel/StreamId"
import { EventStore } from "@daybook/store/EventStore"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import { assert, describe, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
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
