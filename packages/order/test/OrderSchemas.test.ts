import * as Decider from "@daybook/kernel/Decider"
import { problemOf } from "@daybook/kernel/EventCodec"
import { Address } from "@daybook/order/Address"
import { MAX_MINOR, Money } from "@daybook/order/Money"
import * as Order from "@daybook/order/Order"
import { OrderCommand } from "@daybook/order/OrderCommand"
import { decider } from "@daybook/order/OrderDecider"
import { codec, type OrderEvent } from "@daybook/order/OrderEvent"
import * as OrderRejection from "@daybook/order/OrderRejection"
import { Line, OrderState } from "@daybook/order/OrderState"
import { MAX_QUANTITY } from "@daybook/order/Quantity"
import * as CodecLaws from "@daybook/testing/laws/CodecLaws"
import * as LawSuite from "@daybook/testing/LawSuite"
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Struct from "effect/Struct"
import { readdirSync, readFileSync } from "node:fs"

const address: Address = {
  recipient: 'Zoë 🫖 "Q" O\'Neil',
  line1: "1 High Street",
  line2: "Flat 2",
  city: "London",
  region: "Greater London",
  postalCode: "N1 9GU",
  country: "GB"
}

const created = { _tag: "OrderCreated", customerId: "17850", currency: "GBP" } as const
const item = {
  productId: "85123A",
  name: "WHITE HANGING HEART T-LIGHT HOLDER",
  quantity: 6,
  unitPrice: { currency: "GBP", minor: 255 }
}

/**
 * The meaning of the golden samples today. A sample is never edited: a new shape gets a new file.
 */
const samples: Record<string, ReadonlyArray<OrderEvent>> = {
  "OrderCreated.v1": [created],
  "OrderCreated.v2": [created, { _tag: "ShippingAddressUpdated", address }],
  "OrderCreated.v3": [created],
  "ItemAdded.v1": [{ ...item, _tag: "ItemAdded", name: "" }],
  "ItemAdded.v2": [{ ...item, _tag: "ItemAdded" }],
  "ItemRemoved.v1": [{ _tag: "ProductRemoved", productId: "85123A" }],
  "ItemRemoved.v2": [{ ...item, _tag: "ItemRemoved", quantity: 2, reason: "one was chipped" }],
  "ProductRemoved.v1": [{ _tag: "ProductRemoved", productId: "85123A" }],
  "ShippingAddressUpdated.v1": [{ _tag: "ShippingAddressUpdated", address }],
  "OrderConfirmed.v1": [{ _tag: "OrderConfirmed" }],
  "OrderConfirmed.v2": [{ _tag: "OrderConfirmed" }],
  "OrderShipped.v1": [{ _tag: "OrderShipped", carrier: "Royal Mail", tracking: "RM123456789GB" }],
  "OrderCancelled.v1": [{ _tag: "OrderCancelled", reason: "changed my mind" }],
  "OrderCancelled.v2": [{ _tag: "OrderCancelled", reason: "credit note" }]
}

const fixtures = new URL("./fixtures/", import.meta.url)
const Sample = Schema.fromJsonString(
  Schema.Struct({ type: Schema.String, schemaVersion: Schema.Int, data: Schema.Json })
)

const stored = (name: string) => {
  const text = readFileSync(new URL(`${name}.json`, fixtures), "utf8")
  return Schema.decodeUnknownSync(Sample)(text)
}

LawSuite.suite(
  "the codec of an order",
  CodecLaws.laws(codec, {
    samples: Object.entries(samples).map(([name, means]) => ({ stored: stored(name), means })),
    lock: new URL("../events.lock.json", import.meta.url),
    fold: Order.aggregate
  }),
  { runs: 500 }
)

describe("the golden samples", () => {
  it("are those of the fixtures", () => {
    const files = readdirSync(fixtures).map((file) => file.replace(".json", ""))
    assert.sameMembers(files, Object.keys(samples))
    assert.sameMembers(
      files,
      files.map(stored).map(({ schemaVersion, type }) => `${type}.v${schemaVersion}`)
    )
  })

  it("fold to the order that they describe, old versions and new ones mixed", () => {
    const history = ["OrderCreated.v2", "ItemAdded.v1", "ItemAdded.v2", "ItemRemoved.v2"]
    const closed = ["OrderConfirmed.v1", "OrderShipped.v1", "OrderCancelled.v1"]
    const events = Result.getOrThrow(
      Result.all([...history, ...closed].map((name) => codec.decode(stored(name))))
    )
    assert.deepStrictEqual(Decider.fold(decider, events.flat()), {
      _tag: "Shipped",
      customerId: "17850",
      currency: "GBP",
      lines: [
        {
          productId: "85123A",
          name: "WHITE HANGING HEART T-LIGHT HOLDER",
          quantity: 10,
          unitPriceMinor: 255
        }
      ],
      address,
      carrier: "Royal Mail",
      tracking: "RM123456789GB"
    })
  })
})

describe("the shop's past", () => {
  /** Decodes data of version 1. */
  const first = (type: string, data: Schema.Json) =>
    Result.map(codec.decode({ type, schemaVersion: 1, data }), ([event]) => event)

  it("had prices in floats, which are the pence that they were printed as", () => {
    const minor = (price: number) =>
      Result.map(first("ItemAdded", { product_id: "tea", quantity: 1, price }), (event) =>
        event?._tag === "ItemAdded" ? event.unitPrice.minor : undefined
      )
    for (const pence of [0, 1, 29, 57, 58, 115, 1_01, 4_35, 1_999, 90_071_992_547_409_91]) {
      assert.deepStrictEqual(minor(Number((pence / 100).toFixed(2))), Result.succeed(pence))
    }
    assert.deepStrictEqual(minor(0.1 + 0.2), Result.succeed(30))
    assert.isTrue(Result.isFailure(minor(-1)))
  })

  it("took any text for a reason", () => {
    const reason = (text: string) =>
      Result.map(first("OrderCancelled", { reason: text }), (event) =>
        event?._tag === "OrderCancelled" ? event.reason : undefined
      )
    for (const [text, sentence] of [
      ["", "none given"],
      [" \n", "none given"],
      [" too\r\n\tlate\u2028again ", "too late again"],
      ["🫖".repeat(1_001), "🫖".repeat(1_000)]
    ] as const) {
      assert.deepStrictEqual(reason(text), Result.succeed(sentence))
    }
  })
})

describe("the schemas", () => {
  /** Returns the values that the schema refuses. */
  const refused = (schema: Schema.Constraint, values: ReadonlyArray<unknown>) =>
    values.filter((value) => !Schema.is(schema)(value))

  it("accept money in whole minor units that JSON holds exactly", () => {
    const money = (minor: unknown) => ({ currency: "GBP", minor })
    const good = [0, 1, 2 ** 31, 2 ** 53 - 1].map(money)
    const bad = [-0, -1, 0.5, 2 ** 53, NaN, Infinity, "1", 1n].map(money)
    const odd = ["gbp", "GB", "GBPX", "", "G1P"].map((currency) => ({ currency, minor: 1 }))
    assert.deepStrictEqual(refused(Money, [...good, ...bad, ...odd]), [...bad, ...odd])
  })

  it("accept quantities from 1 to a million in commands", () => {
    const add = (quantity: number) => ({
      _tag: "AddItem",
      productId: "tea",
      name: "",
      quantity,
      unitPrice: { currency: "GBP", minor: 0 }
    })
    const good = [1, MAX_QUANTITY].map(add)
    const bad = [0, -1, 1.5, MAX_QUANTITY + 1].map(add)
    assert.deepStrictEqual(refused(OrderCommand, [...good, ...bad]), bad)
  })

  it("accept bounded text that every store can hold", () => {
    const to = (recipient: string) => ({ ...address, recipient })
    const { line2: _, region: __, ...required } = address
    const good = [address, required, to("\u{1fad6}".repeat(200))]
    const bad = [
      ...["", "a\u0000b", "a\nb", "a\u2028b", "\ud800", "x".repeat(201)].map(to),
      { ...address, country: "UK " }
    ]
    assert.deepStrictEqual(refused(Address, [...good, ...bad]), bad)
  })

  const line = { productId: "tea", name: "Tea", quantity: 1, unitPriceMinor: 250 }
  const customer = { customerId: "ada", currency: "GBP" }

  /**
   * Returns the value without each of its fields except the optional ones, and with each field of
   * another type.
   */
  const broken = (value: object, ...optional: ReadonlyArray<string>): ReadonlyArray<object> =>
    Object.keys(value).flatMap((field) => [
      { ...value, [field]: Symbol(field) },
      ...(optional.includes(field) ? [] : [Struct.omit(value, [field as never])])
    ])

  it("accept commands, lines and states with all their fields, and refuse one that lacks a field", () => {
    for (const [schema, value, ...optional] of [
      [OrderCommand, { _tag: "CreateOrder", ...customer }],
      [OrderCommand, { ...item, _tag: "AddItem" }],
      [
        OrderCommand,
        { _tag: "RemoveItem", productId: "tea", quantity: 1, reason: "no" },
        "quantity"
      ],
      [OrderCommand, { _tag: "UpdateShippingAddress", address }],
      [OrderCommand, { _tag: "ConfirmOrder" }],
      [OrderCommand, { _tag: "ShipOrder", carrier: "post", tracking: "P1" }],
      [OrderCommand, { _tag: "CancelOrder", reason: "no" }],
      [Line, line],
      [OrderState, { _tag: "NotCreated" }],
      [OrderState, { _tag: "Draft", ...customer, lines: [line], address }, "address"],
      [OrderState, { _tag: "Confirmed", ...customer, lines: [line], address }, "address"],
      [
        OrderState,
        { _tag: "Shipped", ...customer, lines: [line], address, carrier: "post", tracking: "P1" }
      ],
      [
        OrderState,
        { _tag: "Cancelled", ...customer, lines: [line], address, reason: "no" },
        "address"
      ],
      [Address, address, "line2", "region"]
    ] as ReadonlyArray<readonly [Schema.Constraint, object, ...ReadonlyArray<string>]>) {
      const bad = broken(value, ...optional)
      assert.deepStrictEqual(refused(schema, [value, ...bad]), bad)
      for (const field of optional) {
        assert.deepStrictEqual(refused(schema, [Struct.omit(value, [field as never])]), [])
      }
    }
  })

  it("state the allowed values when they refuse one", () => {
    const message = (schema: Schema.Codec<unknown, unknown>, value: unknown) =>
      Result.getOrThrow(Result.flip(Schema.decodeUnknownResult(schema)(value))).message
    const draft = { _tag: "Draft", ...customer }
    for (const [schema, value, expected] of [
      [
        Money,
        { currency: "gbp", minor: 1 },
        'a currency code: three capital letters\n  at ["currency"]'
      ],
      [Money, { currency: "GBP", minor: -0 }, '0 rather than -0\n  at ["minor"]'],
      [
        Address,
        { ...address, country: "UK " },
        'a country code: two capital letters\n  at ["country"]'
      ],
      [
        Address,
        { ...address, city: "" },
        '1 to 200 characters of Unicode without control characters or line breaks\n  at ["city"]'
      ],
      [
        OrderState,
        { ...draft, lines: [line, line] },
        'at most one line for a product at a unit price\n  at ["lines"]'
      ],
      [
        OrderState,
        { ...draft, lines: [line, { ...line, productId: "mug", quantity: 2 ** 53 - 1 }] },
        'at most 9007199254740991 items\n  at ["lines"]'
      ],
      [
        OrderRejection.TotalTooLarge,
        { _tag: "TotalTooLarge", of: "items", total: "many", limit: 1 },
        'decimal digits\n  at ["total"]'
      ]
    ] as ReadonlyArray<readonly [Schema.Codec<unknown, unknown>, unknown, string]>) {
      assert.strictEqual(message(schema, value), `Expected ${expected}`)
    }
    const once = {
      customerId: "ada",
      currency: "GBP",
      shippingAddress: { ...address, country: "UK " }
    }
    const past = codec.decode({ type: "OrderCreated", schemaVersion: 2, data: once })
    assert.include(
      problemOf(Result.getOrThrow(Result.flip(past))),
      "Expected a country code: two capital letters"
    )
  })

  it("accept totals of rejections in decimal digits", () => {
    const total = (digits: string) => ({
      _tag: "TotalTooLarge",
      of: "items",
      total: digits,
      limit: 1
    })
    const decode = Schema.decodeUnknownResult(OrderRejection.TotalTooLarge)
    const taken = (digits: string) => Result.isSuccess(decode(total(digits)))
    assert.deepStrictEqual(["0", "9007199254740993", "", "1x", "x1", "-1"].filter(taken), [
      "0",
      "9007199254740993"
    ])
  })

  it("refuse states that no order can be in", () => {
    const draft = { _tag: "Draft", customerId: "ada", currency: "GBP", lines: [line] }
    const good = [
      draft,
      { ...draft, lines: [line, { ...line, unitPriceMinor: 251 }] },
      {
        ...draft,
        lines: [
          { ...line, quantity: 1 },
          { ...line, productId: "mug", quantity: 2 ** 53 - 2 }
        ]
      }
    ]
    const bad = [
      { ...draft, lines: [line, { ...line, quantity: 2 }] },
      { ...draft, lines: [line, { ...line, productId: "mug", quantity: 2 ** 53 - 1 }] },
      { ...draft, _tag: "Shipped", carrier: "post", tracking: "P1" },
      { ...draft, _tag: "Shipped", carrier: "post", tracking: "P1", address, lines: [] }
    ]
    assert.deepStrictEqual(refused(OrderState, [...good, ...bad]), bad)
  })

  it("carry rejections over a wire with their facts and message", () => {
    const rejections: ReadonlyArray<readonly [OrderRejection.OrderRejection, string]> = [
      [
        new OrderRejection.OrderAlreadyExists({ status: "draft" }),
        "The order exists already and is draft"
      ],
      [
        new OrderRejection.WrongStatus({
          command: "CancelOrder",
          status: "shipped",
          allowed: ["draft", "confirmed"]
        }),
        "CancelOrder is for an order that is draft or confirmed; this one is shipped"
      ],
      [
        new OrderRejection.WrongStatus({ command: "AddItem", status: "none", allowed: ["draft"] }),
        "AddItem is for an order that is draft; there is none"
      ],
      [
        new OrderRejection.CurrencyMismatch({ expected: "GBP", actual: "EUR" }),
        "The order is in GBP, the price in EUR"
      ],
      [new OrderRejection.ItemNotInOrder({ productId: "tea" }), "Product tea is not in the order"],
      [
        new OrderRejection.NotEnoughItems({ productId: "tea", requested: 3, available: 2 }),
        "3 of product tea to remove, the order has 2"
      ],
      [
        new OrderRejection.TotalTooLarge({
          of: "price",
          total: "9007199254740992",
          limit: MAX_MINOR
        }),
        "The order would total 9007199254740992 minor units, at most 9007199254740991 are allowed"
      ],
      [
        new OrderRejection.TotalTooLarge({
          of: "items",
          total: "9007199254740993",
          limit: Number.MAX_SAFE_INTEGER
        }),
        "The order would total 9007199254740993 items, at most 9007199254740991 are allowed"
      ],
      [new OrderRejection.NoItems(), "The order has no items"],
      [new OrderRejection.NoShippingAddress(), "The order has no shipping address"]
    ]
    const Wire = Schema.fromJsonString(Schema.toCodecJson(OrderRejection.OrderRejection))
    const back = rejections.map(([rejection]) =>
      Schema.decodeUnknownSync(Wire)(Schema.encodeSync(Wire)(rejection))
    )
    assert.deepStrictEqual(
      back.map(({ _tag, message }) => [_tag, message]),
      rejections.map(([{ _tag }, message]) => [_tag, message])
    )
    assert.deepStrictEqual(Array.from(new Set(back.map(({ _tag }) => _tag))), [
      "OrderAlreadyExists",
      "WrongStatus",
      "CurrencyMismatch",
      "ItemNotInOrder",
      "NotEnoughItems",
      "TotalTooLarge",
      "NoItems",
      "NoShippingAddress"
    ])
  })

  it("match the names of order streams", () => {
    assert.strictEqual(Order.aggregate.category, "order")
    assert.strictEqual(codec.name, "order")
  })
})
