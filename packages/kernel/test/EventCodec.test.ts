import * as EventCodec from "@daybook/kernel/EventCodec"
import * as EventId from "@daybook/kernel/EventId"
import * as Position from "@daybook/kernel/Position"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as Revision from "@daybook/kernel/Revision"
import * as StreamId from "@daybook/kernel/StreamId"
import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"

const AccountEvent = Schema.TaggedUnion({
  Opened: { owner: Schema.String, at: Schema.DateTimeUtc },
  Deposited: { amount: Schema.BigInt, note: Schema.optionalKey(Schema.String) },
  Closed: {}
})
type AccountEvent = typeof AccountEvent.Type

const codec = EventCodec.make({ name: "account", events: AccountEvent })

const stored = (type: string, data: Schema.Json, schemaVersion = 1): EventCodec.EncodedEvent => ({
  type,
  schemaVersion,
  data
})

const recorded = (type: string, data: Schema.Json): RecordedEvent => ({
  ...stored(type, data),
  id: EventId.make("3f2504e0-4f89-41d3-9a0c-0305e82c3301"),
  metadata: {},
  occurredAt: DateTime.makeUnsafe(0),
  recordedAt: DateTime.makeUnsafe(0),
  streamId: Result.getOrThrow(StreamId.fromString("account-1")),
  revision: Revision.make(3),
  position: Position.make(12n)
})

const failure = <A, E>(result: Result.Result<A, E>): E => Result.getOrThrow(Result.flip(result))

describe("encoding", () => {
  it("stores the tag as the type and the rest as canonical JSON", () => {
    assert.deepStrictEqual(
      codec.encode({ _tag: "Deposited", amount: 2n ** 60n }),
      Result.succeed({
        type: "Deposited",
        schemaVersion: 1,
        data: { amount: "1152921504606846976" }
      })
    )
    assert.deepStrictEqual(
      codec.encode({ _tag: "Opened", owner: "Ada", at: DateTime.makeUnsafe(0) }),
      Result.succeed({
        type: "Opened",
        schemaVersion: 1,
        data: { owner: "Ada", at: "1970-01-01T00:00:00.000Z" }
      })
    )
  })

  it("gives the same text whatever order the fields of an event were set in", () => {
    const texts = [
      codec.encode({ _tag: "Deposited", amount: 1n, note: "tip" }),
      codec.encode({ note: "tip", amount: 1n, _tag: "Deposited" })
    ].map((encoded) => JSON.stringify(Result.getOrThrow(encoded)))
    assert.strictEqual(texts[0], texts[1])
  })

  it("leaves out fields that the schema does not name", () => {
    const closed = { _tag: "Closed" as const, secret: "x" }
    assert.deepStrictEqual(
      codec.encode(closed),
      Result.succeed({ type: "Closed", schemaVersion: 1, data: {} })
    )
  })

  it("fails for an event that does not fit its schema", () => {
    const narrow = EventCodec.make({
      name: "counter",
      events: Schema.TaggedUnion({ Counted: { by: Schema.Int } })
    })
    const error = failure(narrow.encode({ _tag: "Counted", by: 0.5 }))
    assert.deepStrictEqual(
      [error._tag, error.codec, error.type],
      ["EventEncodeError", "counter", "Counted"]
    )
    assert.include(error.message, "counter event Counted does not fit its schema")
  })

  it("says what was thrown where the event itself throws", () => {
    const thrower = {
      _tag: "Deposited" as const,
      get amount(): bigint {
        throw new RangeError("no amount")
      }
    }
    assert.strictEqual(failure(codec.encode(thrower)).issue, "RangeError: no amount")
  })

  it("fails for an event of another family", () => {
    // Widened on purpose: what a caller without types could hand over.
    const foreign: EventCodec.EventCodec<AccountEvent> = codec
    const event: AccountEvent = JSON.parse('{"_tag":"toString"}') as AccountEvent
    assert.include(failure(foreign.encode(event)).message, "not one of Opened, Deposited, Closed")
  })
})

describe("decoding", () => {
  it("gives the one event that is stored", () => {
    assert.deepStrictEqual(
      codec.decode(stored("Deposited", { amount: "5", note: "tip" })),
      Result.succeed([{ _tag: "Deposited", amount: 5n, note: "tip" }])
    )
  })

  it("ignores fields that the schema does not name", () => {
    assert.deepStrictEqual(
      codec.decode(stored("Closed", { later: true, _tag: "Opened" })),
      Result.succeed([{ _tag: "Closed" }])
    )
  })

  it("says where a type is that it does not know", () => {
    assert.deepStrictEqual(failure(codec.decode(stored("Renamed", {}))), {
      _tag: "UnknownType",
      known: ["Opened", "Deposited", "Closed"]
    })
    assert.strictEqual(
      failure(EventCodec.decodeRecorded(codec, recorded("Renamed", {}))).message,
      "account cannot read Renamed version 1 at revision 3 of account-1 (position 12): " +
        "the type is not one of Opened, Deposited, Closed"
    )
  })

  it("does not take names of Object.prototype for types", () => {
    for (const type of ["constructor", "toString", "hasOwnProperty"]) {
      assert.strictEqual(failure(codec.decode(stored(type, {})))._tag, "UnknownType")
    }
  })

  it("says which version is too new for it", () => {
    const event = { ...recorded("Closed", {}), schemaVersion: 2 }
    const error = failure(EventCodec.decodeRecorded(codec, event))
    assert.deepStrictEqual(error.reason, { _tag: "UnknownSchemaVersion", newest: 1 })
    assert.include(error.message, "Closed version 2")
  })

  it("says what is wrong with the data", () => {
    const event = recorded("Deposited", { amount: "many" })
    const error = failure(EventCodec.decodeRecorded(codec, event))
    assert.deepStrictEqual(error.reason, failure(codec.decode(event)))
    assert.strictEqual(error.reason._tag, "InvalidData")
    assert.include(error.message, "amount")
    assert.deepStrictEqual(
      [
        error.codec,
        error.streamId,
        error.revision,
        error.position,
        error.eventId,
        error.type,
        error.schemaVersion
      ],
      ["account", "account-1", 3, 12n, event.id, "Deposited", 1]
    )
  })

  it("refuses data that is no object, also for an event without fields", () => {
    for (const data of [null, 0, "", true, []]) {
      assert.strictEqual(failure(codec.decode(stored("Closed", data)))._tag, "InvalidData")
    }
  })

  it("says why in words, for every reason", () => {
    const problem = (reason: EventCodec.DecodeErrorReason) => {
      const error = EventCodec.EventDecodeError.at("account", recorded("Closed", {}), reason)
      assert.strictEqual(error.problem, EventCodec.problemOf(reason))
      return error.problem
    }
    assert.deepStrictEqual(
      [
        problem({ _tag: "UnknownType", known: ["A", "B"] }),
        problem({ _tag: "UnknownSchemaVersion", newest: 2 }),
        problem({ _tag: "InvalidData", issue: "no amount" }),
        problem({ _tag: "UpcastFailed", issue: "Error: no" })
      ],
      [
        "the type is not one of A, B",
        "the newest known schema version is 2",
        "no amount",
        "upcasting failed: Error: no"
      ]
    )
  })

  it("gives errors that cross a wire", () => {
    const Wire = Schema.fromJsonString(Schema.toCodecJson(EventCodec.EventDecodeError))
    const error = failure(EventCodec.decodeRecorded(codec, recorded("Renamed", {})))
    const back = Schema.decodeUnknownSync(Wire)(Schema.encodeSync(Wire)(error))
    assert.strictEqual(back.message, error.message)
    assert.strictEqual(back._tag, "EventDecodeError")
  })
})

describe("compiled schemas", () => {
  // A schema is compiled once, so each codec has its own.
  const makePrices = () =>
    EventCodec.make({
      name: "prices",
      events: Schema.TaggedUnion({
        Priced: {
          amount: Schema.BigInt,
          at: Schema.DateTimeUtc,
          lines: Schema.Array(
            Schema.Struct({
              name: Schema.String.check(Schema.isMaxLength(5)),
              note: Schema.optionalKey(Schema.String)
            })
          ),
          currency: Schema.String.pipe(Schema.withDecodingDefaultKey(Effect.succeed("GBP")))
        }
      })
    })
  const lines = [{ name: "Tea" }, { name: "Mugs", note: "blue" }]
  const samples: ReadonlyArray<Schema.Json> = [
    { amount: "5", at: "1970-01-01T00:00:00.000Z", lines, currency: "EUR" },
    { amount: "5", at: "1970-01-01T00:00:00.000Z", lines: [], later: 1 },
    { amount: "5.5", at: "1970-01-01T00:00:00.000Z", lines },
    { amount: "5", at: "yesterday", lines },
    { amount: "5", at: "1970-01-01T00:00:00.000Z", lines: [...lines, { name: "Teapots" }] },
    { amount: "5", at: "1970-01-01T00:00:00.000Z", lines: [{ note: "no name" }] },
    {},
    [],
    null,
    "text"
  ]

  /** Returns what a new codec makes of the samples, and how often it made a function of a text to decode and to encode. */
  const answers = (makeFunction: FunctionConstructor) => {
    const native = globalThis.Function
    let made = 0
    globalThis.Function = new Proxy(makeFunction, {
      apply: (target, _self, args: ReadonlyArray<string>) => {
        made += 1
        return target(...args)
      }
    })
    try {
      const own = makePrices()
      const decoded = samples.map((data) => own.decode(stored("Priced", data)))
      const toDecode = made
      const texts = decoded.map((one) => {
        if (Result.isFailure(one)) return EventCodec.problemOf(one.failure)
        return one.success.map((event) => [event, Result.getOrThrow(own.encode(event))])
      })
      return { toDecode, toEncode: made - toDecode, texts }
    } finally {
      globalThis.Function = native
    }
  }

  const forbidden = new Proxy(Function, {
    apply: () => {
      throw new EvalError("Refused to evaluate a string as JavaScript")
    }
  })

  it("give what interpreted ones give, where no function may be made of a text", () => {
    const compiled = answers(Function)
    const interpreted = answers(forbidden)
    // One to see whether it may.
    assert.isAbove(compiled.toDecode, 1)
    assert.isAbove(compiled.toEncode, 0)
    assert.deepStrictEqual([interpreted.toDecode, interpreted.toEncode], [1, 0])
    assert.deepStrictEqual(compiled.texts, interpreted.texts)
  })
})

describe("the round trip", () => {
  const same = Schema.toEquivalence(Schema.Array(AccountEvent))
  const roundTrips = (
    event: AccountEvent,
    text: (data: Schema.Json) => string = (data) => JSON.stringify(data)
  ): boolean => {
    const { data, schemaVersion, type } = Result.getOrThrow(codec.encode(event))
    const back = Schema.decodeUnknownSync(Schema.fromJsonString(Schema.Json))(text(data))
    const decoded = codec.decode(stored(type, back, schemaVersion))
    return Result.isSuccess(decoded) && same(decoded.success, [event])
  }

  it.prop("gives every event back from its JSON text", [AccountEvent], ([event]) =>
    roundTrips(event)
  )

  it.effect("catches a store that keeps big numbers as floats", () =>
    Effect.gen(function* () {
      const floats = (data: Schema.Json) =>
        JSON.stringify(data).replace(
          /"amount":"(-?\d+)"/,
          (_, digits: string) => `"amount":"${BigInt(Number(digits))}"`
        )
      const result = yield* Arbitrary.checkEffect(
        Arbitrary.schema(
          Schema.TaggedStruct("Deposited", {
            amount: Schema.BigInt.check(
              Schema.isBetweenBigInt({ minimum: -(2n ** 63n), maximum: 2n ** 63n })
            )
          })
        ),
        (event) => roundTrips(event, floats),
        { runs: 500, seed: 1 }
      )
      assert.strictEqual(result._tag, "Falsified")
    })
  )
})
