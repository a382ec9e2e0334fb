import { aggregate } from "@daybook/order/Order"
import * as Revision from "@daybook/kernel/Revision"
import * as StreamId from "@daybook/kernel/StreamId"
import { codec } from "@daybook/order/OrderEvent"
import * as OrderState from "@daybook/order/OrderState"
import * as Presenter from "../src/Presenter.ts"
import { CommandHandler, CurrentMetadata } from "@daybook/store/CommandHandler"
import { EventStore } from "@daybook/store/EventStore"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import * as EventId from "@daybook/kernel/EventId"
import { assert, describe, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { inspected, memory, placeOrder } from "./inspected.ts"

const order = (id: string) => StreamId.StreamId.make(`order-${id}`)

const shop = Effect.gen(function* () {
  const served = yield* inspected()
  const place = (...ids: ReadonlyArray<string>) => served.inside(Effect.forEach(ids, placeOrder))
  const find = (q: string, query: object = {}) =>
    served.client.streams.find({ query: { q, ...query } })
  return { ...served, place, find }
})

const ids = ({ streams }: { readonly streams: ReadonlyArray<{ readonly streamId: string }> }) =>
  streams.map(({ streamId }) => streamId)

describe("finding streams", () => {
  it.effect("lists all by their last change, with their last event", () =>
    Effect.gen(function* () {
      const { find, place } = yield* shop
      yield* place("ada", "ben", "cleo")
      const found = yield* find("")
      assert.deepStrictEqual(ids(found), ["order-cleo", "order-ben", "order-ada"])
      assert.deepStrictEqual(found.count, { streams: 3, exact: true })
      assert.strictEqual(found.streams[0]?.event?.text, "OrderConfirmed")
      assert.strictEqual(
        found.ruler?.buckets.reduce((sum, one) => sum + one.streams, 0),
        3
      )
      const byId = yield* find("", { by: "id", offset: 1, limit: 1 })
      assert.deepStrictEqual(ids(byId), ["order-ben"])
      assert.strictEqual(byId.count.streams, 3)
    })
  )

  it.effect("understands an id, a beginning, a part and a category", () =>
    Effect.gen(function* () {
      const { find, place } = yield* shop
      yield* place("ada-1", "ada-2", "ben-1")
      const whole = yield* find("order-ada-1@3")
      assert.strictEqual(whole.reading.by, "id")
      assert.deepStrictEqual(whole.goTo, { streamId: "order-ada-1", revision: Revision.make(3) })
      const prefix = yield* find("order-ada", { by: "id" })
      assert.strictEqual(prefix.reading.by, "prefix")
      assert.deepStrictEqual(ids(prefix), ["order-ada-1", "order-ada-2"])
      assert.strictEqual((yield* find("*BEN*")).reading.by, "part")
      assert.deepStrictEqual(ids(yield* find("*BEN*")), ["order-ben-1"])
      assert.deepStrictEqual(ids(yield* find("ben")), ["order-ben-1"])
      assert.strictEqual((yield* find("category:order")).count.streams, 3)
      assert.strictEqual((yield* find("category:parcel")).count.streams, 0)
      assert.deepStrictEqual(ids(yield* find("prefix:order-ben")), ["order-ben-1"])
    })
  )

  it.effect("finds the stream of an event, of a type, of an actor and of a correlation", () =>
    Effect.gen(function* () {
      const { client, find, inside, place } = yield* shop
      yield* place("ada")
      const correlationId = "0f2b6a44-8d7e-4a52-9b39-3e3a1a6f1c11"
      yield* inside(
        placeOrder("ben").pipe(
          Effect.provideService(CurrentMetadata, { actor: "Priya", correlationId })
        )
      )
      const event = yield* client.streams.event({
        params: { streamId: order("ada"), revision: Revision.make(2) },
        query: {}
      })
      const byEvent = yield* find(event.line.id)
      assert.strictEqual(byEvent.reading.by, "event")
      assert.deepStrictEqual(byEvent.goTo, { streamId: "order-ada", revision: Revision.make(2) })
      assert.deepStrictEqual(ids(yield* find("actor:Priya")), ["order-ben"])
      const byCorrelation = yield* find(correlationId)
      assert.strictEqual(byCorrelation.reading.by, "correlation")
      assert.deepStrictEqual(ids(byCorrelation), ["order-ben"])
      const byType = yield* find("type:ItemRemoved")
      assert.deepStrictEqual(ids(byType), ["order-ben", "order-ada"])
      assert.strictEqual(byType.streams[0]?.event?.type, "ItemRemoved")
      assert.isTrue(byType.count.exact)
    })
  )

  it.effect("sees a stream that is changed while it looks", () =>
    Effect.gen(function* () {
      const { find, place } = yield* shop
      yield* place("ada")
      assert.strictEqual((yield* find("")).count.streams, 1)
      yield* place("ben")
      // The subscription of the index runs between the turns of the event loop.
      const seen = yield* Effect.promise(() => new Promise(setImmediate)).pipe(
        Effect.andThen(find("", { by: "id" })),
        Effect.repeat({ until: ({ count }) => count.streams === 2 })
      )
      assert.deepStrictEqual(ids(seen), ["order-ada", "order-ben"])
    })
  )
})

describe("a stream", () => {
  it.effect("has a head, an outline and its events with the figure after each", () =>
    Effect.gen(function* () {
      const { client, place } = yield* shop
      yield* place("ada")
      const params = { streamId: order("ada") }
      const head = yield* client.streams.head({ params, query: {} })
      assert.strictEqual(head.stream.revision, 5)
      assert.isTrue(head.hasState)
      assert.strictEqual(head.first.type, "OrderCreated")
      const outline = yield* client.streams.outline({ params, query: {} })
      assert.deepStrictEqual(outline.types, [
        "OrderCreated",
        "ItemAdded",
        "ItemRemoved",
        "OrderConfirmed"
      ])
      assert.deepStrictEqual(
        outline.events.map(([type, actor]) => [type, actor]),
        [
          [0, -1],
          [1, -1],
          [1, -1],
          [2, -1],
          [3, -1]
        ]
      )
      const first = yield* client.streams.events({ params, query: { limit: 2 } })
      assert.strictEqual(first.next, Revision.make(3))
      const rest = yield* client.streams.events({
        params,
        query: { from: Revision.make(3), data: true }
      })
      assert.isUndefined(rest.next)
      assert.deepStrictEqual(
        [...first.events, ...rest.events].map(({ figure }) => figure),
        ["0", "4", "10", "9", "9"]
      )
      assert.strictEqual(first.events[1]?.text, "4 of lantern")
      assert.isUndefined(first.events[1]?.data)
      assert.propertyVal(rest.events[0]?.data, "quantity", 6)
    })
  )

  it.effect("has the states that the command handler loads", () =>
    Effect.gen(function* () {
      const { client, inside, place } = yield* shop
      yield* place("ada")
      const params = { streamId: order("ada") }
      const encode = Schema.encodeSync(Schema.toCodecJson(aggregate.state))
      const loaded = yield* inside(
        CommandHandler.use((handler) =>
          Effect.forEach([0, 1, 2, 3, 4, 5], (revision) =>
            handler.loadAt(aggregate, "ada", { revision: Revision.make(revision) })
          )
        )
      )
      const wanted = loaded.map(({ revision, state }) => ({
        revision,
        state: encode(state) as unknown
      }))
      const all = yield* client.streams.states({ params, query: {} })
      assert.deepStrictEqual(
        all.states.map(({ revision, state }) => ({ revision, state: state as unknown })),
        wanted
      )
      const part = yield* client.streams.states({
        params,
        query: { from: Revision.make(2), limit: 2 }
      })
      assert.deepStrictEqual(
        part.states.map(({ revision }) => Number(revision)),
        [2, 3]
      )
      assert.deepStrictEqual(part.states[1]?.state, all.states[3]?.state)
      assert.strictEqual(part.next, Revision.make(4))
      const now = yield* client.streams.state({ params, query: {} })
      assert.deepStrictEqual(now.state, all.states[5]?.state)
      const event = yield* client.streams.event({
        params: { ...params, revision: Revision.make(3) },
        query: {}
      })
      const then = yield* client.streams.state({
        params,
        query: { recordedAt: DateTime.subtract(event.line.recordedAt, { milliseconds: 1 }) }
      })
      assert.isBelow(then.revision, 3)
      const both = yield* Effect.flip(
        client.streams.state({
          params,
          query: { revision: Revision.make(1), recordedAt: event.line.recordedAt }
        })
      )
      assert.strictEqual(both._tag, "Malformed")
    })
  )

  it.effect("shows an event of an old version in each form up to today's", () =>
    Effect.gen(function* () {
      const { client, inside } = yield* shop
      const stored = {
        type: "OrderCreated",
        schemaVersion: 1,
        data: { customer_id: "ada", timestamp: "2024-03-01 10:00:00" }
      }
      yield* inside(
        EventStore.use((store) =>
          store.append({
            streamId: order("old"),
            expected: ExpectedRevision.noStream,
            events: [
              {
                ...stored,
                id: EventId.make("0f2b6a44-8d7e-4a52-9b39-3e3a1a6f1c12"),
                metadata: {},
                occurredAt: DateTime.makeUnsafe(0)
              }
            ]
          })
        )
      )
      const params = { streamId: order("old"), revision: Revision.make(1) }
      const detail = yield* client.streams.event({ params, query: {} })
      assert.deepStrictEqual(detail.forms[0], { schemaVersion: 1, data: stored.data })
      assert.deepStrictEqual(
        detail.forms.map(({ schemaVersion }) => schemaVersion),
        [1, 2]
      )
      assert.deepStrictEqual(
        detail.today?.map(({ data, type }) => ({ _tag: type, ...(data as object) })),
        Result.getOrThrow(codec.decode(stored)).map((event) => ({ ...event }))
      )
    })
  )

  it.effect("keeps the neighbours of an event that can't be decoded", () =>
    Effect.gen(function* () {
      const { client, inside, place } = yield* shop
      yield* place("ada")
      yield* inside(
        EventStore.use((store) =>
          store.append({
            streamId: order("ada"),
            expected: ExpectedRevision.any,
            events: [
              {
                type: "Unheard",
                schemaVersion: 1,
                data: { note: "<script>alert(1)</script>" },
                id: EventId.make("0f2b6a44-8d7e-4a52-9b39-3e3a1a6f1c13"),
                metadata: {},
                occurredAt: DateTime.makeUnsafe(0)
              }
            ]
          })
        )
      )
      const params = { streamId: order("ada") }
      const events = yield* client.streams.events({ params, query: {} })
      assert.deepStrictEqual(
        events.events.map(({ figure }) => figure),
        ["0", "4", "10", "9", "9", undefined]
      )
      assert.strictEqual(events.events[5]?.text, "note: <script>alert(1)</script>")
      const states = yield* client.streams.states({ params, query: {} })
      assert.strictEqual(states.states.at(-1)?.revision, Revision.make(5))
      assert.strictEqual(states.stopped?.revision, Revision.make(6))
      const detail = yield* client.streams.event({
        params: { ...params, revision: Revision.make(6) },
        query: {}
      })
      assert.strictEqual(detail.undecodable?.reason, "UnknownType")
      const state = yield* Effect.flip(client.streams.state({ params, query: {} }))
      assert.strictEqual(state._tag, "NotPossible")
    })
  )

  it.effect("says in place that its presenter failed, and shows the rest", () =>
    Effect.gen(function* () {
      const failing = Presenter.make(aggregate, {
        describe: (event) => {
          if (event._tag === "ItemRemoved") throw new TypeError("no words for\nit")
          return event._tag
        },
        figure: {
          head: "Items",
          of: (state) => {
            if (OrderState.itemCount(state) === 10) throw new RangeError("ten is too many")
            return String(OrderState.itemCount(state))
          }
        }
      })
      const { client, inside } = yield* inspected(memory, { aggregates: [failing] })
      yield* inside(placeOrder("ada"))
      const params = { streamId: order("ada") }
      const { events } = yield* client.streams.events({ params, query: {} })
      assert.deepStrictEqual(
        events.map(({ figure }) => figure),
        ["0", "4", "figure failed: RangeError: ten is too many", "9", "9"]
      )
      assert.strictEqual(events[2]?.text, "ItemAdded")
      assert.strictEqual(events[3]?.text, "describe failed: TypeError: no words for it")
      const { states } = yield* client.streams.states({ params, query: {} })
      assert.lengthOf(states, 6)
      assert.isDefined(states[3]?.state)
      assert.include(states[3]?.figure, "figure failed")
      const revision = Revision.make(3)
      const state = yield* client.streams.state({ params, query: { revision } })
      assert.isDefined(state.state)
      assert.include(state.figure, "figure failed")
    })
  )

  it.effect("is unknown when no event has its id", () =>
    Effect.gen(function* () {
      const { client } = yield* shop
      const params = { streamId: order("nobody") }
      const answers = yield* Effect.all([
        Effect.flip(client.streams.head({ params, query: {} })),
        Effect.flip(client.streams.outline({ params, query: {} })),
        Effect.flip(client.streams.events({ params, query: {} })),
        Effect.flip(client.streams.state({ params, query: {} })),
        Effect.flip(client.streams.states({ params, query: {} })),
        Effect.flip(
          client.streams.event({ params: { ...params, revision: Revision.make(1) }, query: {} })
        )
      ])
      assert.deepStrictEqual(
        answers.map(({ _tag }) => _tag),
        Array.from({ length: 6 }, () => "Unknown")
      )
    })
  )
})
