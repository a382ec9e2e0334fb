/**
 * Appends that break a limit on their shape, refused alike by every store.
 */
import * as EventMark from "@daybook/kernel/EventMark"
import type * as EventId from "@daybook/kernel/EventId"
import type { NewEvent } from "@daybook/kernel/NewEvent"
import {
  AppendRefused,
  EventStore,
  MAX_APPEND_BYTES,
  MAX_DATA_BYTES,
  MAX_EVENTS,
  MAX_STREAMS
} from "@daybook/store/EventStore"
import { any, exists, noStream } from "@daybook/store/ExpectedRevision"
import * as Arr from "effect/Array"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as assert from "../../assert.ts"
import { each } from "../cases.ts"
import {
  type Cases,
  freshCategory,
  freshId,
  freshStream,
  newEvent,
  newEvents,
  readCategories,
  refusalOf,
  type revision,
  second,
  streamOf
} from "./fixture.ts"

const upperCase = (id: EventId.EventId) =>
  // A caller that never validated an id may hold this.
  id.toUpperCase().replace(/^./, "A") as EventId.EventId

export const refusalCases: Cases = {
  "refuses an append without events": Effect.gen(function* () {
    const store = yield* EventStore
    const streamId = freshStream()
    // A caller without types may pass this.
    const events = [] as ReadonlyArray<NewEvent> as Arr.NonEmptyReadonlyArray<NewEvent>
    const error = yield* Effect.flip(store.append({ streamId, expected: any, events }))
    assert.instanceOf(error, AppendRefused)
    assert.deepStrictEqual(error.reason, { _tag: "NoEvents" })
  }),

  [`refuses more than ${MAX_EVENTS} events`]: Effect.gen(function* () {
    const store = yield* EventStore
    const streamId = freshStream()
    const events = newEvents(MAX_EVENTS + 1)
    const error = yield* Effect.flip(store.append({ streamId, expected: any, events }))
    assert.instanceOf(error, AppendRefused)
    assert.deepStrictEqual(error.reason, {
      _tag: "TooManyEvents",
      count: MAX_EVENTS + 1,
      limit: MAX_EVENTS
    })
    const most = Arr.makeBy(MAX_EVENTS, (n) => Arr.getUnsafe(events, n))
    const appended = yield* store.append({ streamId, expected: noStream, events: most })
    assert.strictEqual<number>(appended.revision, MAX_EVENTS)
  }),

  [`refuses more than ${MAX_EVENTS} events over all streams`]: Effect.gen(function* () {
    const store = yield* EventStore
    const category = freshCategory()
    const call = (first: number, second: number) =>
      store.appendAll({
        appends: [
          { streamId: streamOf(category, "1"), expected: any, events: newEvents(first) },
          { streamId: streamOf(category, "2"), expected: any, events: newEvents(second) }
        ]
      })
    const error = yield* Effect.flip(call(MAX_EVENTS - 1, 2))
    assert.instanceOf(error, AppendRefused)
    assert.deepStrictEqual(error.reason, {
      _tag: "TooManyEvents",
      count: MAX_EVENTS + 1,
      limit: MAX_EVENTS
    })
    yield* call(MAX_EVENTS - 1, 1)
    assert.lengthOf(yield* readCategories(MAX_EVENTS, category), MAX_EVENTS)
  }),

  "refuses more bytes than an append may have, over all streams": Effect.gen(function* () {
    const store = yield* EventStore
    const category = freshCategory()
    const [streamId, other] = [streamOf(category, "1"), streamOf(category, "2")]
    // Each event is as large as allowed; the quotes of its JSON text and its empty metadata
    // count.
    const large = () => ({ ...newEvent(), data: "x".repeat(MAX_DATA_BYTES - 2), metadata: {} })
    const size = MAX_DATA_BYTES + "{}".length
    const most = Math.floor(MAX_APPEND_BYTES / size)
    const [first, ...rest] = Arr.makeBy(most, large)
    const error = yield* Effect.flip(
      store.appendAll({
        appends: [
          { streamId, expected: any, events: [first, ...rest] },
          { streamId: other, expected: any, events: [large()] }
        ]
      })
    )
    assert.instanceOf(error, AppendRefused)
    assert.strictEqual(error.streamId, other)
    assert.deepStrictEqual(error.reason, {
      _tag: "AppendTooLarge",
      index: 0,
      bytes: (most + 1) * size,
      limit: MAX_APPEND_BYTES
    })
    assert.lengthOf(yield* readCategories(0, category), 0)
    const { revision } = yield* store.append({
      streamId,
      expected: noStream,
      events: [first, ...rest]
    })
    assert.strictEqual<number>(revision, most)
  }),

  "refuses a repeated id, also across streams": Effect.gen(function* () {
    const store = yield* EventStore
    const category = freshCategory()
    const [streamId, other] = [streamOf(category, "1"), streamOf(category, "2")]
    const event = newEvent()
    const reason = { _tag: "RepeatedEventId", index: 1, eventId: event.id } as const
    const within = yield* Effect.flip(
      store.append({ streamId, expected: any, events: [event, event] })
    )
    assert.instanceOf(within, AppendRefused)
    assert.deepStrictEqual(within.reason, reason)
    const across = yield* Effect.flip(
      store.appendAll({
        appends: [
          { streamId, expected: any, events: [event] },
          { streamId: other, expected: any, events: [newEvent(), event] }
        ]
      })
    )
    assert.instanceOf(across, AppendRefused)
    assert.strictEqual(across.streamId, other)
    assert.deepStrictEqual(across.reason, reason)
    assert.lengthOf(yield* readCategories(0, category), 0)
  }),

  ...each(
    [
      ["id", "upper case", { id: upperCase(freshId()) }],
      ["id", "a text that is not a UUID", { id: "order-1" as EventId.EventId }],
      ["type", "an empty text", { type: "" }],
      ["type", "a text with a space", { type: "Item Added" }],
      ["type", "a text that ends with a line feed", { type: "ItemAdded\n" }],
      ["type", "201 characters", { type: "a".repeat(201) }],
      ["schemaVersion", "0", { schemaVersion: 0 }],
      ["schemaVersion", "1.5", { schemaVersion: 1.5 }],
      ["schemaVersion", "32768", { schemaVersion: 32_768 }],
      [
        "occurredAt",
        "an invalid time",
        { occurredAt: DateTime.mapEpochMillis(second(0), () => Number.NaN) }
      ],
      ["occurredAt", "half a millisecond", { occurredAt: DateTime.fromEpochSeconds(0.000_5) }],
      ["occurredAt", "the year 0", { occurredAt: DateTime.makeUnsafe(-62_135_596_800_001) }],
      // Callers without types may pass these.
      ["metadata", "null", { metadata: null as never }],
      ["metadata", "a number as its actor", { metadata: { actor: 5 } as never }],
      [
        "metadata",
        "a text that is not a UUID as its command id",
        { metadata: { commandId: "x" } as never }
      ],
      ["metadata", "a field of its own", { metadata: { tenant: "a" } as never }],
      ["occurredAt", "the year 10000", { occurredAt: DateTime.makeUnsafe(253_402_300_800_000) }]
    ] as const,
    ([field, name, event]) => ({
      [`refuses ${name} for ${field}`]: Effect.gen(function* () {
        const reason = yield* refusalOf(newEvent(event))
        assert.strictEqual(reason._tag, "InvalidField")
        assert.deepInclude(reason, { index: 1, field })
      })
    })
  ),

  "refuses an invalid stream id, and an invalid expectation": Effect.gen(function* () {
    const store = yield* EventStore
    const streamId = freshStream()
    // Callers without types may pass these.
    for (const name of ["", "nodash", "a-\0", "-1"]) {
      const error = yield* Effect.flip(
        store.append({ streamId: name as typeof streamId, expected: any, events: newEvents(1) })
      )
      assert.instanceOf(error, AppendRefused)
      assert.strictEqual(error.reason._tag, "InvalidStreamId")
    }
    for (const wrong of [-1, 1.5, Number.NaN]) {
      const error = yield* Effect.flip(
        store.append({
          streamId,
          expected: { _tag: "Exactly", revision: wrong as ReturnType<typeof revision> },
          events: newEvents(1)
        })
      )
      assert.instanceOf(error, AppendRefused)
      assert.strictEqual(error.reason._tag, "InvalidExpected")
    }
    // These expectations do not state the revision of the last event.
    const lastEvent = EventMark.at(newEvent().id, 0)
    for (const expected of [any, noStream, exists]) {
      const append = { streamId, expected, lastEvent, events: newEvents(1) }
      for (const error of [
        yield* Effect.flip(store.append(append)),
        yield* Effect.flip(store.appendAll({ appends: [append] }))
      ]) {
        assert.instanceOf(error, AppendRefused)
        assert.strictEqual(error.reason._tag, "InvalidExpected")
      }
    }
  }),

  [`refuses more than ${MAX_STREAMS} streams`]: Effect.gen(function* () {
    const store = yield* EventStore
    const category = freshCategory()
    const call = (checks: number) =>
      store.appendAll({
        appends: [{ streamId: streamOf(category, "0"), expected: any, events: newEvents(1) }],
        checks: Arr.makeBy(checks, (n) => ({
          streamId: streamOf(category, String(n + 1)),
          expected: noStream
        }))
      })
    const error = yield* Effect.flip(call(MAX_STREAMS))
    assert.instanceOf(error, AppendRefused)
    assert.deepStrictEqual(error.reason, {
      _tag: "TooManyStreams",
      count: MAX_STREAMS + 1,
      limit: MAX_STREAMS
    })
    yield* call(MAX_STREAMS - 1)
  }),

  "leaves the other streams of a refused call unchanged": Effect.gen(function* () {
    const store = yield* EventStore
    const category = freshCategory()
    const error = yield* Effect.flip(
      store.appendAll({
        appends: [
          { streamId: streamOf(category, "1"), expected: any, events: newEvents(1) },
          {
            streamId: streamOf(category, "2"),
            expected: any,
            events: [newEvent({ data: Number.NaN })]
          }
        ]
      })
    )
    assert.instanceOf(error, AppendRefused)
    assert.strictEqual(error.streamId, streamOf(category, "2"))
    assert.lengthOf(yield* readCategories(0, category), 0)
  })
}
