import * as Aggregate from "@daybook/kernel/Aggregate"
import * as CommandId from "@daybook/kernel/CommandId"
import * as EventCodec from "@daybook/kernel/EventCodec"
import * as EventId from "@daybook/kernel/EventId"
import * as LogId from "@daybook/kernel/LogId"
import { EventType, NewEvent, SchemaVersion } from "@daybook/kernel/NewEvent"
import * as Position from "@daybook/kernel/Position"
import { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as Revision from "@daybook/kernel/Revision"
import * as StreamId from "@daybook/kernel/StreamId"
import { assert, describe, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"

const refused = (schema: Schema.Constraint, values: ReadonlyArray<unknown>) =>
  values.filter((value) => !Schema.is(schema)(value))

describe("StreamId", () => {
  it("takes a category, a dash and an id of any printable Unicode", () => {
    const good = [
      "order-42",
      "order-a-b-c",
      "Order_2--",
      "order- ",
      "order-%_'\"\\/日本語🫖",
      "order-שלום\u200d\u2010\u2027\u202f\u2065\u206a\u061b\u061d",
      `order-${"x".repeat(StreamId.MAX_ID_LENGTH)}`,
      `${"c".repeat(64)}-1`
    ]
    assert.deepStrictEqual(refused(StreamId.StreamId, good), [])
  })

  it("refuses what some store could not keep or find again", () => {
    const bad = [
      "",
      "order",
      "order-",
      "-42",
      "2order-42",
      "or der-42",
      "örder-42",
      "order-a\u0000",
      "order-a\nb",
      "order-a\n",
      "order-\u0085",
      // S17: they would forge a line of a log, or turn its letters around.
      "order-a\u2028b",
      "order-a\u2029b",
      "order-\u061c",
      "order-\u200e",
      "order-\u200f",
      "order-\u202a",
      "order-a\u202eb",
      "order-\u2066",
      "order-\u2069",
      "order-\ud800",
      "order-\udc00\ud800",
      `order-${"x".repeat(StreamId.MAX_ID_LENGTH + 1)}`,
      `order-${"🫖".repeat(StreamId.MAX_ID_LENGTH / 2 + 1)}`,
      `${"c".repeat(65)}-1`,
      42,
      null
    ]
    assert.deepStrictEqual(refused(StreamId.StreamId, bad), bad)
  })

  it("splits at the first dash", () => {
    const streamId = Result.getOrThrow(StreamId.fromString("order-a-b"))
    assert.strictEqual(StreamId.category(streamId), "order")
    assert.strictEqual(StreamId.id(streamId), "a-b")
  })

  it.prop("is put together again from its parts", [StreamId.StreamId], ([streamId]) => {
    const again = StreamId.make(StreamId.category(streamId), StreamId.id(streamId))
    assert.deepStrictEqual(again, Result.succeed(streamId))
  })

  it.prop("has the ids that make a stream name", [Schema.String], ([text]) => {
    const makes = Result.isSuccess(StreamId.make(StreamId.Category.make("order"), text))
    assert.strictEqual(Schema.is(StreamId.InstanceId)(text), makes)
  })

  it("takes ids of an instance of up to 200 code units", () => {
    const good = ["x", "x".repeat(200), "🫖".repeat(100)]
    const bad = ["", "x".repeat(201), "🫖".repeat(101)]
    assert.deepStrictEqual(refused(StreamId.InstanceId, [...good, ...bad]), bad)
  })

  it("refuses an id of an instance that is no text, as a caller without types may give it", () => {
    const id = 42 as unknown as string
    const error = Result.getOrThrow(Result.flip(StreamId.make(StreamId.Category.make("order"), id)))
    assert.deepInclude(error, { input: "42", issue: "the id of an instance is a text" })
  })

  it("names the text and the rule when it refuses", () => {
    const error = Result.getOrThrow(Result.flip(StreamId.fromString("order")))
    assert.strictEqual(error._tag, "InvalidStreamId")
    assert.strictEqual(error.input, "order")
    assert.include(error.message, 'Not a stream id: "order"')
    assert.include(error.message, "a category, -, then")
  })

  it("quotes no more than 300 characters of the text", () => {
    const error = Result.getOrThrow(Result.flip(StreamId.fromString("x".repeat(301))))
    assert.match(error.message, /^Not a stream id: "x{300}": /)
    assert.lengthOf(error.input, 301)
  })
})

describe("an aggregate", () => {
  const Events = Schema.TaggedUnion({ Opened: {} })
  const describeAs = (category: string) =>
    Aggregate.make({
      category,
      decider: {
        initialState: 0,
        decide: (_command: never, _state: number): Result.Result<[]> => Result.succeed([]),
        evolve: (state: number, _event: typeof Events.Type) => state
      },
      codec: EventCodec.make({ name: "account", events: Events }),
      state: Schema.Number
    })

  it("names the stream of an instance", () => {
    assert.deepStrictEqual(
      Aggregate.streamId(describeAs("account"), "7"),
      StreamId.fromString("account-7")
    )
  })

  it("refuses an id that makes no stream name", () => {
    assert.isTrue(Result.isFailure(Aggregate.streamId(describeAs("account"), "")))
  })

  it("dies of a category with a dash", () => {
    assert.throws(() => describeAs("bank-account"))
  })
})

describe("revisions and positions", () => {
  it("take revisions from 0 to 2^53 - 1", () => {
    const good = [0, 1, 2 ** 53 - 1]
    const bad = [-1, 0.5, 2 ** 53, NaN, Infinity, "1", 1n]
    assert.deepStrictEqual(refused(Revision.Revision, [...good, ...bad]), bad)
    assert.strictEqual(Revision.empty, Revision.make(0))
  })

  it("take positions from 0 to what a PostgreSQL bigint holds", () => {
    const good = [0n, 1n, 2n ** 63n - 1n]
    const bad = [-1n, 2n ** 63n, 1, "1"]
    assert.deepStrictEqual(refused(Position.Position, [...good, ...bad]), bad)
    assert.strictEqual(Position.start, Position.make(0n))
    assert.throws(() => Position.make(-1n))
  })
})

describe("a recorded event", () => {
  const event = {
    id: EventId.make("3f2504e0-4f89-41d3-9a0c-0305e82c3301"),
    type: "Opened",
    schemaVersion: 1,
    data: {},
    metadata: {},
    occurredAt: DateTime.makeUnsafe(0)
  }
  const place = {
    streamId: "account-1",
    revision: 1,
    position: 1n,
    recordedAt: DateTime.makeUnsafe(0)
  }

  it("is what happened before it is recorded, whole", () => {
    const metadata = {
      commandId: CommandId.make(event.id),
      correlationId: "a request",
      causationId: "another event",
      actor: "Priya",
      traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
      tracestate: "shop=1",
      custom: { till: { id: 4 } }
    }
    const whole = { ...event, metadata }
    const decode = Schema.decodeUnknownSync(Schema.toType(NewEvent))
    assert.deepStrictEqual<object>(decode(whole), whole)
    const without = Object.keys(event).map((key) => ({ ...event, [key]: undefined }))
    assert.deepStrictEqual(refused(NewEvent, without), without)
    const wrong = Object.keys(metadata).map((key) => ({ ...event, metadata: { [key]: 1 } }))
    assert.deepStrictEqual(refused(NewEvent, wrong), wrong)
  })

  it("has a place in its stream and in the log, and the time when it got them", () => {
    const without = Object.keys(place).map((key) => ({ ...event, ...place, [key]: undefined }))
    assert.deepStrictEqual(refused(NewEvent, [event]), [])
    assert.deepStrictEqual(refused(RecordedEvent, [{ ...event, ...place }, event, ...without]), [
      event,
      ...without
    ])
  })
})

describe("ids, types and versions", () => {
  it("take UUIDs in lower case as ids of events, commands and logs", () => {
    const uuid = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
    const bad = [
      uuid.toUpperCase(),
      uuid.slice(1),
      `${uuid}0`,
      `{${uuid}`,
      uuid.replaceAll("-", ""),
      ""
    ]
    assert.strictEqual(EventId.make(uuid), uuid)
    assert.strictEqual(CommandId.make(uuid), uuid)
    assert.deepStrictEqual(refused(EventId.EventId, [uuid, ...bad]), bad)
    assert.strictEqual(LogId.make(uuid), uuid)
    assert.deepStrictEqual(refused(CommandId.CommandId, [uuid, ...bad]), bad)
    assert.deepStrictEqual(refused(LogId.LogId, [uuid, ...bad]), bad)
  })

  it("say what they take when they refuse", () => {
    const expected = (schema: Schema.Codec<unknown, unknown>, value: unknown) =>
      Result.getOrThrow(Result.flip(Schema.decodeUnknownResult(schema)(value))).message
    const uuid = "Expected a UUID in lower case"
    assert.strictEqual(expected(EventId.EventId, "1"), uuid)
    assert.strictEqual(expected(CommandId.CommandId, "1"), uuid)
    assert.strictEqual(expected(LogId.LogId, "1"), uuid)
    assert.strictEqual(
      expected(EventType, "1st"),
      "Expected an event type: a letter, then letters, digits or _.:/-, at most 200 characters"
    )
    assert.strictEqual(
      expected(StreamId.Category, "bank-account"),
      "Expected a category: a letter, then letters, digits or _, at most 64 characters"
    )
    assert.strictEqual(
      expected(StreamId.InstanceId, ""),
      "Expected an id: 1 to 200 characters of Unicode without control characters, line separators and controls of direction"
    )
    assert.strictEqual(
      expected(StreamId.InstanceId, "🫖".repeat(101)),
      "Expected an id of at most 200 UTF-16 code units"
    )
    assert.strictEqual(
      expected(StreamId.StreamId, `order-${"🫖".repeat(101)}`),
      "Expected an id of at most 200 UTF-16 code units"
    )
  })

  it("take event types of a letter and 199 more characters", () => {
    const good = ["A", "ItemAdded", "shop.v2:item/added-now_1", "x".repeat(200)]
    const bad = ["", "1st", "Item Added", "Item\n", "é", "x".repeat(201)]
    assert.deepStrictEqual(refused(EventType, [...good, ...bad]), bad)
  })

  it("take schema versions from 1 to what a PostgreSQL smallint holds", () => {
    const bad = [0, -1, 1.5, 32_768]
    assert.deepStrictEqual(refused(SchemaVersion, [1, 32_767, ...bad]), bad)
  })
})
