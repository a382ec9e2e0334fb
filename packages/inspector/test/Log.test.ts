import * as Position from "@daybook/kernel/Position"
import * as Revision from "@daybook/kernel/Revision"
import * as StreamId from "@daybook/kernel/StreamId"
import { CurrentMetadata } from "@daybook/store/CommandHandler"
import { EventStore } from "@daybook/store/EventStore"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { inspected, memory, placeOrder, seen } from "./inspected.ts"

const by = (actor: string, correlationId?: string) =>
  Effect.provideService(CurrentMetadata, {
    actor,
    ...(correlationId === undefined ? {} : { correlationId })
  })

const shop = Effect.gen(function* () {
  const served = yield* inspected()
  yield* served.inside(
    Effect.all([
      placeOrder("ada").pipe(by("Priya", "c-1")),
      placeOrder("ben").pipe(by("Tom")),
      placeOrder("cleo").pipe(by("Priya", "c-1"))
    ])
  )
  return served
})

describe("the log", () => {
  it.effect("is read backwards to its beginning, page by page", () =>
    Effect.gen(function* () {
      const { client } = yield* shop
      const pages = yield* Effect.gen(function* () {
        const read: Array<string> = []
        let page = yield* client.log.page({ query: { limit: 4 } })
        for (;;) {
          read.push(page.events.map(({ streamId, revision }) => `${streamId}@${revision}`).join())
          if (page.next === undefined) return read
          page = yield* client.log.page({ query: { limit: 4, below: page.next } })
        }
      })
      assert.lengthOf(pages, 4)
      const all = pages.join().split(",")
      assert.lengthOf(new Set(all), 15)
      assert.strictEqual(all[0], "order-cleo@5")
      assert.strictEqual(all.at(-1), "order-ada@1")
    })
  )

  it.effect("is filtered by type, category and actor, and without them", () =>
    Effect.gen(function* () {
      const { client } = yield* shop
      const count = (query: object) =>
        Effect.map(client.log.page({ query }), ({ events }) => events.length)
      assert.strictEqual(yield* count({ type: ["ItemAdded", "ItemRemoved"] }), 9)
      assert.strictEqual(yield* count({ notType: ["ItemAdded"] }), 9)
      assert.strictEqual(yield* count({ actor: ["Tom"] }), 5)
      assert.strictEqual(yield* count({ notActor: ["Tom"], type: ["OrderCreated"] }), 2)
      assert.strictEqual(yield* count({ category: ["order"] }), 15)
      assert.strictEqual(yield* count({ notCategory: ["order"] }), 0)
      const whole = yield* client.log.page({ query: { actor: ["nobody"] } })
      assert.strictEqual(whole.searched.events, 15)
      assert.isUndefined(whole.next)
    })
  )

  it.effect("has the data of its events when it is asked for", () =>
    Effect.gen(function* () {
      const { client } = yield* shop
      const [without] = (yield* client.log.page({ query: { type: ["ItemAdded"] } })).events
      assert.isUndefined(without?.data)
      const [withIt] = (yield* client.log.page({ query: { type: ["ItemAdded"], data: true } }))
        .events
      assert.propertyVal(withIt?.data, "productId", "t-light")
    })
  )

  it.live("is live: what is recorded arrives, and a client resumes after the last id", () =>
    Effect.gen(function* () {
      const { client, inside } = yield* shop
      const live = (query: object, headers = {}) =>
        Stream.unwrap(client.log.live({ query: { type: ["OrderCreated"], ...query }, headers }))
      const past = yield* live({ after: "0" }).pipe(Stream.take(3), Stream.runCollect)
      assert.deepStrictEqual(
        past.map((one) => (one.event === "recorded" ? one.data.streamId : one.event)),
        ["order-ada", "order-ben", "order-cleo"]
      )
      yield* inside(placeOrder("dora"))
      const resumed = yield* live({}, { "last-event-id": past[2]?.id }).pipe(
        Stream.take(1),
        Stream.runCollect
      )
      const [first] = resumed
      assert.strictEqual(first?.event === "recorded" ? first.data.streamId : "", "order-dora")
      const [place] = yield* live({}).pipe(Stream.take(1), Stream.runCollect)
      assert.strictEqual(place?.event, "heartbeat")
    })
  )

  it.effect("follows a correlation across streams, and a command to its events", () =>
    Effect.gen(function* () {
      const { client } = yield* shop
      const trail = yield* client.log.trail({ query: { correlation: "c-1" } })
      assert.lengthOf(trail.events, 10)
      assert.isTrue(trail.complete)
      assert.strictEqual(trail.events[0]?.streamId, "order-ada")
      assert.strictEqual(trail.events.at(-1)?.streamId, "order-cleo")
      const { line } = yield* client.streams.event({
        params: {
          streamId: StreamId.StreamId.make("order-ben"),
          revision: Revision.make(2)
        },
        query: {}
      })
      const ofCommand = yield* client.log.trail({
        query: { command: line.commandId ?? "", near: line.position }
      })
      assert.deepStrictEqual(
        ofCommand.events.map(({ id }) => id),
        [line.id]
      )
      const nothing = yield* Effect.flip(client.log.trail({ query: {} }))
      assert.strictEqual(nothing._tag, "Malformed")
    })
  )

  it.effect("keeps the event that was asked about among more than fit, and those next to it", () =>
    Effect.gen(function* () {
      const { client, inside } = yield* shop
      const positions = yield* inside(
        seen("flood", { count: 700, metadata: { correlationId: "flood" } })
      )
      const near = positions[400] ?? Position.start
      const query = { correlation: "flood", near }
      const { complete, events, from, to } = yield* client.log.trail({ query })
      assert.lengthOf(events, 500)
      assert.isFalse(complete)
      assert.strictEqual(events[249]?.position, near)
      assert.deepStrictEqual(
        events.map(({ position }) => position),
        positions.slice(151, 651)
      )
      assert.deepStrictEqual([from, to], [positions[150], positions[650]])
      const atEnd = yield* client.log.trail({
        query: { ...query, near: positions[699] ?? Position.start }
      })
      assert.strictEqual(atEnd.events.at(-1)?.position, positions[699])
      assert.lengthOf(atEnd.events, 500)
    })
  )

  it.live("goes on from the head of a page, without a gap and without a repetition", () =>
    Effect.gen(function* () {
      const { client, inside } = yield* shop
      const page = yield* client.log.page({ query: {} })
      assert.strictEqual(page.events[0]?.position, page.head)
      // More than a page in memory holds, recorded between the page and the stream.
      const between = yield* inside(
        Effect.forEach([0, 1, 2], (part) => seen(`between-${part}`, { count: 1_000 }))
      )
      const follow = (query: object, count: number) =>
        Stream.unwrap(client.log.live({ query, headers: {} })).pipe(
          Stream.filter((one) => one.event === "recorded"),
          Stream.take(count),
          Stream.runCollect
        )
      const first = yield* follow({ after: String(page.head) }, 1_234)
      const rest = yield* follow({ after: first.at(-1)?.id }, 3_000 - 1_234)
      assert.deepStrictEqual(
        [...first, ...rest].map(({ data }) => data.position),
        between.flat()
      )
    })
  )

  it.effect("ends a page at its head, whatever settles while it is read", () =>
    Effect.gen(function* () {
      // An event settles after each look at the head.
      const growing = Layer.effect(
        EventStore,
        Effect.map(EventStore, (store) =>
          EventStore.of({
            ...store,
            head: Effect.tap(store.head, () =>
              Effect.provideService(Effect.orDie(seen("late", { count: 1 })), EventStore, store)
            )
          })
        )
      )
      const { client, inside } = yield* inspected(Layer.provideMerge(growing, memory))
      const [first] = yield* inside(seen("early", { count: 1 }))
      const page = yield* client.log.page({ query: {} })
      assert.strictEqual(page.head, first)
      assert.deepStrictEqual(
        page.events.map(({ position }) => position),
        [first]
      )
    })
  )

  it.effect("ends a page after so many bytes of data", () =>
    Effect.gen(function* () {
      const { client, inside } = yield* inspected()
      const positions = yield* inside(seen("wide", { count: 12, text: "x".repeat(900_000), at: 1 }))
      const read: Array<Position.Position> = []
      let below: Position.Position | undefined
      for (;;) {
        const page = yield* client.log.page({
          query: { data: true, ...(below === undefined ? {} : { below }) }
        })
        assert.isAtMost(page.events.length, 5)
        read.push(...page.events.map(({ position }) => position))
        below = page.next
        if (below === undefined) break
      }
      assert.deepStrictEqual(read.toReversed(), positions)
      // Without the data all of them stand in a page.
      assert.lengthOf((yield* client.log.page({ query: {} })).events, 12)
    })
  )
})
