import { Address } from "@daybook/order/Address"
import { MAX_MINOR, Money } from "@daybook/order/Money"
import * as Order from "@daybook/order/Order"
import { OrderCommand } from "@daybook/order/OrderCommand"
import { codec, type OrderEvent } from "@daybook/order/OrderEvent"
import * as OrderRejection from "@daybook/order/OrderRejection"
import { OrderState } from "@daybook/order/OrderState"
import { MAX_QUANTITY } from "@daybook/order/Quantity"
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { readdirSync, readFileSync } from "node:fs"
import { recorded } from "./OrderLaws.ts"

const address: Address = {
  recipient: 'Zoë 🫖 "Q" O\'Neil',
  line1: "1 High Street",
  line2: "Flat 2",
  city: "London",
  region: "Greater London",
  postalCode: "N1 9GU",
  country: "GB"
}

/** What the golden samples mean today. A sample is never edited: a new shape gets a new file. */
const samples: Record<string, OrderEvent> = {
  "OrderCreated.v1": { _tag: "OrderCreated", customerId: "17850", currency: "GBP" },
  "ItemAdded.v1": {
    _tag: "ItemAdded",
    productId: "85123A",
    name: "WHITE HANGING HEART T-LIGHT HOLDER",
    quantity: 6,
    unitPrice: { currency: "GBP", minor: 255 }
  },
  "ItemRemoved.v1": {
    _tag: "ItemRemoved",
    productId: "85123A",
    name: "WHITE HANGING HEART T-LIGHT HOLDER",
    quantity: 2,
    unitPrice: { currency: "GBP", minor: 255 },
    reason: "one was chipped"
  },
  "ShippingAddressUpdated.v1": { _tag: "ShippingAddressUpdated", address },
  "OrderConfirmed.v1": { _tag: "OrderConfirmed" },
  "OrderShipped.v1": { _tag: "OrderShipped", carrier: "Royal Mail", tracking: "RM123456789GB" },
  "OrderCancelled.v1": { _tag: "OrderCancelled", reason: "credit note" }
}

const fixtures = new URL("./fixtures/", import.meta.url)
const Sample = Schema.fromJsonString(
  Schema.Struct({ type: Schema.String, schemaVersion: Schema.Int, data: Schema.Json })
)

describe("the golden samples", () => {
  it("cover every event type", () => {
    const files = readdirSync(fixtures).map((file) => file.replace(".json", ""))
    assert.sameMembers(files, Object.keys(samples))
    assert.sameMembers([...new Set(files.map((file) => file.split(".")[0]))], [...codec.types])
  })

  for (const [name, expected] of Object.entries(samples)) {
    it(`decode to today's events: ${name}`, () => {
      const text = readFileSync(new URL(`${name}.json`, fixtures), "utf8")
      const { data, schemaVersion, type } = Schema.decodeUnknownSync(Sample)(text)
      const decoded = codec.decode(recorded(type, schemaVersion, JSON.stringify(data)))
      assert.deepStrictEqual(decoded, Result.succeed([expected]))
    })
  }
})

describe("the schemas", () => {
  /** The values that the schema refuses. */
  const refused = (schema: Schema.Constraint, values: ReadonlyArray<unknown>) =>
    values.filter((value) => !Schema.is(schema)(value))

  it("take money in whole minor units that JSON carries exactly", () => {
    const money = (minor: unknown) => ({ currency: "GBP", minor })
    const good = [0, 1, 2 ** 31, 2 ** 53 - 1].map(money)
    const bad = [-0, -1, 0.5, 2 ** 53, NaN, Infinity, "1", 1n].map(money)
    const odd = ["gbp", "GB", "GBPX", "", "G1P"].map((currency) => ({ currency, minor: 1 }))
    assert.deepStrictEqual(refused(Money, [...good, ...bad, ...odd]), [...bad, ...odd])
  })

  it("take quantities from 1 to a million in commands", () => {
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

  it("take bounded text that every store keeps", () => {
    const to = (recipient: string) => ({ ...address, recipient })
    const { line2: _, region: __, ...required } = address
    const good = [address, required, to("\u{1fad6}".repeat(200))]
    const bad = [
      ...["", "a\u0000b", "a\nb", "\ud800", "x".repeat(201)].map(to),
      { ...address, country: "UK " }
    ]
    assert.deepStrictEqual(refused(Address, [...good, ...bad]), bad)
  })

  it("refuse states that no order can be in", () => {
    const line = { productId: "tea", name: "Tea", quantity: 1, unitPriceMinor: 250 }
    const draft = { _tag: "Draft", customerId: "ada", currency: "GBP", lines: [line] }
    const good = [draft, { ...draft, lines: [line, { ...line, unitPriceMinor: 251 }] }]
    const bad = [
      { ...draft, lines: [line, { ...line, quantity: 2 }] },
      { ...draft, lines: [line, { ...line, productId: "mug", quantity: 2 ** 53 - 1 }] },
      { ...draft, _tag: "Confirmed", lines: [] },
      { ...draft, _tag: "Shipped", carrier: "post", tracking: "P1" }
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
  })

  it("name the streams of orders", () => {
    assert.strictEqual(Order.aggregate.category, "order")
  })
})
