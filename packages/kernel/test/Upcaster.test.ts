import * as EventCodec from "@daybook/kernel/EventCodec"
import * as Upcaster from "@daybook/kernel/Upcaster"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"

const Minor = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }))

/** Today: amounts in minor units, a customer of their own, a note that came as an optional field. */
const Events = Schema.TaggedUnion({
  Sold: {
    minor: Minor,
    currency: Schema.String,
    note: Schema.String.pipe(Schema.withDecodingDefaultKey(Effect.succeed("")))
  },
  CustomerNamed: { name: Schema.String },
  Unreadable: { type: Schema.String, data: Schema.Json }
})

const soldV1 = Schema.Struct({ price: Schema.Finite })
const soldV2 = Schema.Struct({ minor: Minor })

const makeCodec = () =>
  EventCodec.make({
    name: "till",
    events: Events,
    past: {
      Sold: Upcaster.from(soldV1)
        .to(soldV2, ({ price }) => ({ minor: Math.round(price * 100) }))
        .into(({ minor }) => ({ _tag: "Sold", minor, currency: "GBP", note: "" })),
      // Held both once: split into two, or one when there was no name.
      SoldTo: Upcaster.from(
        Schema.Struct({ minor: Minor, customer: Schema.NullOr(Schema.String) })
      ).into(({ customer, minor }) => {
        const sold = { _tag: "Sold", minor, currency: "GBP", note: "" } as const
        return customer === null
          ? [sold]
          : [{ _tag: "CustomerNamed", name: customer } as const, sold]
      }),
      // No longer of any use.
      DrawerOpened: Upcaster.from(Schema.Struct({})).into(() => [])
    },
    formerNames: { Sold: ["Vended"] }
  })

const codec = makeCodec()

const stored = (
  type: string,
  schemaVersion: number,
  data: Schema.Json
): EventCodec.EncodedEvent => ({ type, schemaVersion, data })

const decode = (type: string, schemaVersion: number, data: Schema.Json) =>
  Result.getOrThrow(codec.decode(stored(type, schemaVersion, data)))

const reasonOf = (type: string, schemaVersion: number, data: Schema.Json) =>
  Result.match(codec.decode(stored(type, schemaVersion, data)), {
    onFailure: (error) => error,
    onSuccess: () => assert.fail("decoded")
  })

const sold = (minor: number) => ({ _tag: "Sold", minor, currency: "GBP", note: "" }) as const

describe("EventCodec with a past", () => {
  it("takes each version to today's event", () => {
    assert.deepStrictEqual(decode("Sold", 1, { price: 19.99 }), [sold(1999)])
    assert.deepStrictEqual(decode("Sold", 2, { minor: 1999 }), [sold(1999)])
    assert.deepStrictEqual(decode("Sold", 3, { minor: 1999, currency: "GBP" }), [sold(1999)])
  })

  it("is made of its versions, those of types that are retired too", () => {
    const own = makeCodec()
    const decoded = (type: string, schemaVersion: number, data: Schema.Json) =>
      Result.getOrThrow(own.decode(stored(type, schemaVersion, data)))
    assert.deepStrictEqual(decoded("Sold", 1, { price: 19.99 }), [sold(1999)])
    assert.deepStrictEqual(decoded("Sold", 2, { minor: 1999 }), [sold(1999)])
    const unnamed = { minor: 1999, currency: "GBP", till: 4 }
    assert.deepStrictEqual(decoded("Sold", 3, unnamed), [sold(1999)])
    assert.deepStrictEqual(decoded("DrawerOpened", 1, {}), [])
    assert.isTrue(Result.isFailure(own.decode(stored("DrawerOpened", 2, {}))))
  })

  it("reads a type under its former name, in every version", () => {
    assert.deepStrictEqual(decode("Vended", 1, { price: 1 }), [sold(100)])
    assert.deepStrictEqual(decode("Vended", 3, { minor: 1, currency: "GBP", note: "x" }), [
      { ...sold(1), note: "x" }
    ])
  })

  it("splits an event, drops one, and reads a type that is retired", () => {
    assert.deepStrictEqual(decode("SoldTo", 1, { minor: 5, customer: "Ada" }), [
      { _tag: "CustomerNamed", name: "Ada" },
      sold(5)
    ])
    assert.deepStrictEqual(decode("SoldTo", 1, { minor: 5, customer: null }), [sold(5)])
    assert.deepStrictEqual(decode("DrawerOpened", 1, { by: "Bo" }), [])
  })

  it("writes the newest version under the name of today", () => {
    assert.deepStrictEqual(Result.getOrThrow(codec.encode(sold(3))), {
      type: "Sold",
      schemaVersion: 3,
      data: { minor: 3, currency: "GBP", note: "" }
    })
  })

  it("distinguishes a version that is newer than the code from wrong data", () => {
    assert.deepStrictEqual(reasonOf("Sold", 4, { minor: 1, currency: "GBP" }), {
      _tag: "UnknownSchemaVersion",
      newest: 3
    })
    assert.deepStrictEqual(reasonOf("SoldTo", 2, {}), {
      _tag: "UnknownSchemaVersion",
      newest: 1
    })
    assert.strictEqual(reasonOf("Sold", 2, { minor: "1" })._tag, "InvalidData")
    assert.strictEqual(reasonOf("Nothing", 1, {})._tag, "UnknownType")
  })

  it("says what is wrong when a schema throws, coming and going, today's and older ones", () => {
    const Throwing = Schema.String.pipe(
      Schema.decodeTo(Schema.Number, {
        decode: SchemaGetter.transform((text: string): number => {
          throw new TypeError(`no number: ${text}`)
        }),
        encode: SchemaGetter.transform((number: number): string => {
          throw new TypeError(`no text: ${number}`)
        })
      })
    )
    const throwing = EventCodec.make({
      name: "throwing",
      events: Schema.TaggedUnion({ Sold: { minor: Throwing } }),
      past: {
        Sold: Upcaster.from(Schema.Struct({ minor: Throwing })).into(({ minor }) => ({
          _tag: "Sold",
          minor
        }))
      }
    })
    for (const schemaVersion of [1, 2]) {
      const result = throwing.decode(stored("Sold", schemaVersion, { minor: "1" }))
      if (Result.isSuccess(result)) return assert.fail("decoded")
      assert.deepStrictEqual(result.failure, {
        _tag: "InvalidData",
        issue: "TypeError: no number: 1"
      })
    }
    const encoded = throwing.encode({ _tag: "Sold", minor: 2 })
    if (Result.isSuccess(encoded)) return assert.fail("encoded")
    assert.strictEqual(encoded.failure.issue, "TypeError: no text: 2")
  })

  it("says that an upcaster threw, or gave what is no event of today", () => {
    const broken = EventCodec.make({
      name: "broken",
      events: Events,
      past: {
        Sold: Upcaster.from(Schema.Struct({ minor: Schema.Finite })).into(({ minor }) => {
          if (minor === 0) throw new Error("no sale")
          return { _tag: "Sold", minor, currency: "GBP", note: "" }
        })
      }
    })
    const issueOf = (minor: number) => {
      const result = broken.decode(stored("Sold", 1, { minor }))
      if (Result.isSuccess(result)) return assert.fail("decoded")
      const reason = result.failure
      return reason._tag === "UpcastFailed" ? reason.issue : reason._tag
    }
    assert.strictEqual(issueOf(0), "Error: no sale")
    assert.include(issueOf(-1), "Expected a value between 0 and")
  })

  it("passes on what it can't decode when the caller asks for that", () => {
    const reading = EventCodec.orElse(codec, ({ data, type }) => [
      Events.cases.Unreadable.make({ type, data })
    ])
    assert.deepStrictEqual(Result.getOrThrow(reading.decode(stored("Sold", 4, { x: 1 }))), [
      { _tag: "Unreadable", type: "Sold", data: { x: 1 } }
    ])
    assert.deepStrictEqual(Result.getOrThrow(reading.decode(stored("Sold", 2, { minor: 1 }))), [
      sold(1)
    ])
  })

  it("drops fields that the schema does not name, or keeps them through a round trip", () => {
    const data = { minor: 1, currency: "GBP", note: "", till: { id: 4 } }
    assert.deepStrictEqual(decode("Sold", 3, data), [sold(1)])
    const keeping = EventCodec.make({
      name: "keeping",
      events: Schema.TaggedUnion({ Sold: Events.cases.Sold.fields }),
      unknownFields: "keep"
    })
    const [kept] = Result.getOrThrow(keeping.decode(stored("Sold", 1, data)))
    if (kept === undefined) return assert.fail("nothing was decoded")
    assert.deepStrictEqual<object>(kept, { ...sold(1), till: { id: 4 } })
    assert.deepStrictEqual(Result.getOrThrow(keeping.encode(kept)).data, data)
  })

  it("keeps of what the schema names only what the schema stores", () => {
    const keeping = EventCodec.make({
      name: "keeping",
      events: Schema.TaggedUnion({ Sold: { note: Schema.OptionFromOptionalKey(Schema.String) } }),
      unknownFields: "keep"
    })
    assert.deepStrictEqual(
      Result.getOrThrow(keeping.encode({ _tag: "Sold", note: Option.none() })).data,
      {}
    )
  })

  it("lists every shape ever stored", () => {
    assert.deepStrictEqual(
      codec.versions.map(({ names, schemaVersion }) => [...names, schemaVersion]),
      [
        ["Sold", "Vended", 1],
        ["Sold", "Vended", 2],
        ["Sold", "Vended", 3],
        ["CustomerNamed", 1],
        ["Unreadable", 1],
        ["SoldTo", 1],
        ["DrawerOpened", 1]
      ]
    )
  })

  it("dies when two types are stored under one name", () => {
    assert.throws(
      () =>
        EventCodec.make({
          name: "till",
          events: Events,
          formerNames: { Sold: ["CustomerNamed"] }
        }),
      /two event types stored as CustomerNamed/
    )
  })

  it("tells the forms of an event on its way to today, each of which decodes alike", () => {
    const codec = makeCodec()
    const stored = { type: "Sold", schemaVersion: 1, data: { price: 12.34 } }
    const forms = EventCodec.upcastForms(codec, stored)
    assert.deepStrictEqual(forms, [
      { schemaVersion: 1, data: { price: 12.34 } },
      { schemaVersion: 2, data: { minor: 1234 } }
    ])
    const today = Result.getOrThrow(codec.decode(stored))
    for (const form of forms) {
      assert.deepStrictEqual(Result.getOrThrow(codec.decode({ type: stored.type, ...form })), today)
    }
  })

  it("tells the stored form alone of an event of today, and of one that it can't upcast", () => {
    const codec = makeCodec()
    for (const stored of [
      { type: "Sold", schemaVersion: 3, data: { minor: 1, currency: "GBP" } },
      { type: "Sold", schemaVersion: 1, data: { price: "free" } },
      // The second version refuses what the step makes of it.
      { type: "Sold", schemaVersion: 1, data: { price: -1 } },
      { type: "Sold", schemaVersion: 9, data: {} },
      // Its only step leads to events of today.
      { type: "SoldTo", schemaVersion: 1, data: { minor: 1, customer: "Ada" } },
      // The first version of another type has data of this shape.
      { type: "SoldTo", schemaVersion: 1, data: { price: 1 } },
      { type: "Unheard", schemaVersion: 1, data: null }
    ]) {
      const { data, schemaVersion } = stored
      assert.deepStrictEqual(EventCodec.upcastForms(codec, stored), [{ schemaVersion, data }])
    }
  })

  it("does not compile with a step that is missing or has the wrong shape", () => {
    const first = Upcaster.from(soldV1)
    // @ts-expect-error: the step gives a price where the next version wants minor units.
    first.to(soldV2, ({ price }) => ({ price }))
    EventCodec.make({
      name: "till",
      events: Events,
      past: {
        // @ts-expect-error: version 1 does not end in an event of today.
        Sold: first.into(({ price }) => ({ _tag: "Sold", price }))
      }
    })
    EventCodec.make({
      name: "till",
      events: Events,
      past: {
        // @ts-expect-error: the chain does not end.
        Sold: first.to(soldV2, ({ price }) => ({ minor: price }))
      }
    })
    assert.isFunction(first.to)
  })
})
