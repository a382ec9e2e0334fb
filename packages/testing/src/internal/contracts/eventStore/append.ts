/**
 * One append: its answer, its recorded events, its expected revision, its repetition.
 */
import {
  EventStore,
  MAX_BETWEEN,
  MAX_BETWEEN_BYTES,
  MAX_DATA_BYTES,
  WrongExpectedRevision
} from "@daybook/store/EventStore"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import * as Arr from "effect/Array"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
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
  readLast,
  readStream,
  revision,
  revisions,
  second,
  streamOf
} from "./fixture.ts"

const { any, exactly, exists, noStream } = ExpectedRevision

export const appendCases: Cases = {
  "answers with the revision and position of its last event": Effect.gen(function* () {
    const store = yield* EventStore
    const streamId = freshStream()
    const first = yield* store.append({ streamId, expected: any, events: newEvents(2) })
    const second = yield* store.append({ streamId, expected: any, events: newEvents(3) })
    const stored = yield* readStream(streamId)
    assert.deepStrictEqual(revisions(stored), [1, 2, 3, 4, 5].map(revision))
    assert.deepStrictEqual(first, {
      revision: revision(2),
      position: Arr.getUnsafe(stored, 1).position,
      recordedAt: Arr.getUnsafe(stored, 1).recordedAt,
      repeated: false
    })
    assert.deepStrictEqual(second, {
      revision: revision(5),
      position: Arr.getUnsafe(stored, 4).position,
      recordedAt: Arr.getUnsafe(stored, 4).recordedAt,
      repeated: false
    })
  }),

  "records everything that an event carries": Effect.gen(function* () {
    const streamId = freshStream()
    const event = newEvent({
      type: "order.ItemAdded/v_1:a-B",
      schemaVersion: 32_767,
      data: { product: "85123A", quantity: 6, price: null, tags: ["a", "b"] },
      metadata: {
        correlationId: "request 1",
        causationId: "command 1",
        actor: "Zoë",
        traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        tracestate: "vendor=1",
        custom: { tenant: 7 }
      },
      occurredAt: DateTime.makeUnsafe("1999-12-31T23:59:59.999Z")
    })
    const other = newEvent()
    yield* fill(streamId, [event, other])
    const { position, recordedAt, ...rest } = comparable(yield* readFirst(streamId))
    const after = yield* readLast(streamId)
    assert.deepStrictEqual(rest, {
      ...event,
      occurredAt: 946_684_799_999,
      streamId,
      revision: revision(1)
    })
    assert.isTrue(position < after.position)
    assert.isTrue(Number.isInteger(recordedAt))
    assert.deepStrictEqual(after.metadata, {})
  }),

  ...each(
    [
      ["year 1", "0001-01-01T00:00:00.000Z"],
      ["the millisecond before the epoch", "1969-12-31T23:59:59.999Z"],
      ["year 7648, to the millisecond", "7648-06-09T03:58:30.737Z"],
      ["year 9999", "9999-12-31T23:59:59.999Z"]
    ] as const,
    ([name, instant]) => ({
      [`records events of ${name}, and reads up to them`]: Effect.gen(function* () {
        const streamId = freshStream()
        const occurredAt = DateTime.makeUnsafe(instant)
        yield* fill(streamId, [newEvent({ occurredAt })])
        const stored = yield* readFirst(streamId)
        assert.strictEqual(DateTime.formatIso(stored.occurredAt), instant)
        const millis = DateTime.toEpochMillis(occurredAt)
        const store = yield* EventStore
        const upTo = (until: number) =>
          Stream.runCollect(
            store.read(streamId, { until: { occurredAt: DateTime.makeUnsafe(until) } })
          )
        assert.lengthOf(yield* upTo(millis), 1)
        assert.lengthOf(yield* upTo(millis - 1), 0)
      })
    })
  ),

  ...each(
    [
      ["emoji and accents", "Ærø-日本-naïve-👩‍👩‍👧"],
      ["quotes", `'single' "double" \`back\` ''`],
      ["backslashes and percent signs", String.raw`\\ \n \u0041 %s %25 $1 _%`],
      ["dashes and spaces", "--a - b--"],
      ["the greatest length", "é".repeat(200)]
    ] as const,
    ([kind, id]) => ({
      [`separates streams whose ids contain ${kind}`]: Effect.gen(function* () {
        const category = freshCategory()
        const streamId = streamOf(category, id)
        const sibling = streamOf(category, `${id.slice(0, id.length / 2)}!`)
        const [one, two] = [newEvent(), newEvent()]
        yield* fill(streamId, [one])
        yield* fill(sibling, [two])
        const stored = yield* readStream(streamId)
        assert.deepStrictEqual(ids(stored), [one.id])
        assert.strictEqual(Arr.getUnsafe(stored, 0).streamId, streamId)
        assert.deepStrictEqual(ids(yield* readStream(sibling)), [two.id])
      })
    })
  ),

  "treats upper and lower case, and equivalent Unicode, as different streams": Effect.gen(
    function* () {
      const category = freshCategory()
      const names = ["é", "e\u0301", "É", "e"]
      for (const name of names) {
        const streamId = streamOf(category, name)
        yield* fill(streamId, [newEvent()])
        assert.lengthOf(yield* readStream(streamId), 1)
      }
    }
  )
}

export const expectedRevisionCases: Cases = {
  // Tries each on an empty stream, and on one with two events.
  ...each(
    [
      [any, true, true],
      [noStream, true, false],
      [exists, false, true],
      [exactly(revision(0)), true, false],
      [exactly(revision(1)), false, false],
      [exactly(revision(2)), false, true],
      [exactly(revision(3)), false, false],
      [exactly(revision(Number.MAX_SAFE_INTEGER)), false, false]
    ] as const,
    ([expected, onEmpty, onTwo]) =>
      each(
        [
          [0, onEmpty],
          [2, onTwo]
        ] as const,
        ([count, met]) => {
          const name = `${ExpectedRevision.describe(expected)} is ${met ? "" : "not "}met at ${count}`

          return {
            [name]: Effect.gen(function* () {
              const store = yield* EventStore
              const streamId = freshStream()
              yield* fill(streamId, newEvents(2).slice(0, count))
              const before = yield* readStream(streamId)
              const append = store.append({ streamId, expected, events: [newEvent()] })
              if (met) {
                const appended = yield* append
                assert.strictEqual(appended.revision, revision(count + 1))
                assert.lengthOf(yield* readStream(streamId), count + 1)
              } else {
                const error = yield* Effect.flip(append)
                assert.instanceOf(error, WrongExpectedRevision)
                assert.strictEqual(error.streamId, streamId)
                assert.deepStrictEqual(error.expected, expected)
                assert.strictEqual(error.actual, revision(count))
                const past = expected._tag === "Exactly" ? expected.revision : 0
                assert.deepStrictEqual(
                  error.between.map(comparable),
                  before.slice(past).map(comparable)
                )
                assert.deepStrictEqual(ids(yield* readStream(streamId)), ids(before))
              }
            })
          }
        }
      )
  ),

  [`returns the ${MAX_BETWEEN} events that follow the expected revision`]: Effect.gen(function* () {
    const store = yield* EventStore
    const streamId = freshStream()
    yield* fill(streamId, newEvents(MAX_BETWEEN + 50))
    const between = (expected: ExpectedRevision.ExpectedRevision) =>
      store.append({ streamId, expected, events: [newEvent()] }).pipe(
        Effect.flip,
        Effect.map((error) => {
          assert.instanceOf(error, WrongExpectedRevision)
          assert.strictEqual(error.actual, MAX_BETWEEN + 50)
          return revisions(error.between)
        })
      )
    const range = (from: number, to: number) =>
      Array.from({ length: to - from + 1 }, (_, n) => revision(from + n))
    assert.deepStrictEqual(yield* between(noStream), range(1, MAX_BETWEEN))
    assert.deepStrictEqual(yield* between(exactly(revision(10))), range(11, MAX_BETWEEN + 10))
    assert.deepStrictEqual(
      yield* between(exactly(revision(MAX_BETWEEN + 48))),
      range(MAX_BETWEEN + 49, MAX_BETWEEN + 50)
    )
  })
}

const largest = (n: number) => newEvent({ data: String(n).padEnd(MAX_DATA_BYTES - 2, "x") })

export const betweenCases: Cases = {
  [`are at most ${MAX_BETWEEN_BYTES} bytes, and at least one event`]: Effect.gen(function* () {
    const store = yield* EventStore
    const streamId = freshStream()
    // Two events are 4 bytes too many, because of the two bytes of their metadata each.
    for (let n = 0; n < 4; n++) yield* fill(streamId, [largest(n)])
    yield* fill(streamId, newEvents(3))
    const between = (expected: ExpectedRevision.ExpectedRevision) =>
      store.append({ streamId, expected, events: [newEvent()] }).pipe(
        Effect.flip,
        Effect.map((error) => {
          assert.instanceOf(error, WrongExpectedRevision)
          assert.strictEqual(error.actual, 7)
          return revisions(error.between)
        })
      )
    assert.deepStrictEqual(yield* between(noStream), [revision(1)])
    assert.deepStrictEqual(yield* between(exactly(revision(2))), [revision(3)])
    assert.deepStrictEqual(yield* between(exactly(revision(3))), [4, 5, 6, 7].map(revision))
  }),

  "are limited for each of many appends at once, not for all together": Effect.gen(function* () {
    const store = yield* EventStore
    const streamId = freshStream()
    for (let n = 0; n < 2; n++) yield* fill(streamId, [largest(n)])
    const answers = yield* Effect.forEach(
      Arr.range(1, 40),
      (n) =>
        Effect.result(
          store.append({
            streamId,
            expected: n === 20 ? any : noStream,
            events: [newEvent()]
          })
        ),
      { concurrency: "unbounded" }
    )
    assert.deepStrictEqual(
      answers.map((answer) =>
        Result.isSuccess(answer)
          ? "appended"
          : answer.failure instanceof WrongExpectedRevision && revisions(answer.failure.between)
      ),
      Arr.range(1, 40).map((n) => (n === 20 ? "appended" : [revision(1)]))
    )
    assert.lengthOf(yield* readStream(streamId), 3)
  })
}

export const occurredAtCases: Cases = {
  "may decrease along a stream": Effect.gen(function* () {
    const streamId = freshStream()
    const instants = [second(9), second(1), second(5), second(1)]
    yield* fill(
      streamId,
      instants.map((occurredAt) => newEvent({ occurredAt }))
    )
    const stored = yield* readStream(streamId)
    assert.deepStrictEqual(
      stored.map((event) => DateTime.toEpochMillis(event.occurredAt)),
      instants.map(DateTime.toEpochMillis)
    )
  })
}
