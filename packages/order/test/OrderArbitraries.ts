/**
 * Generated commands and events of an order, few enough of each kind that they affect one another:
 * two products, prices from nothing to half of the limit, now and then the wrong currency.
 */
import type { StoredVersion } from "@daybook/kernel/EventCodec"
import { MAX_MINOR } from "@daybook/order/Money"
import type { OrderCommand } from "@daybook/order/OrderCommand"
import { decider } from "@daybook/order/OrderDecider"
import { OrderEvent } from "@daybook/order/OrderEvent"
import { MAX_QUANTITY } from "@daybook/order/Quantity"
import * as History from "@daybook/testing/History"
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"

const oneOf = <A>(...members: ReadonlyArray<Arbitrary.Arbitrary<A>>): Arbitrary.Arbitrary<A> =>
  Arbitrary.flatMap(
    Arbitrary.schema(Schema.Literals(members.map((_, index) => index))),
    // The index is in range.
    (index) => members[index] as Arbitrary.Arbitrary<A>
  )

const product = Schema.Literals(["tea", "mug"])
const name = Schema.Literals(["Tea", "Mug", ""])
const quantity = Schema.Literals([1, 2, 3, 7, MAX_QUANTITY])
const reason = Schema.Literals(["broken", "too many"])
const price = Schema.Struct({
  currency: Schema.Literal("GBP"),
  minor: Schema.Literals([0, 1, 250, 2 ** 31, (MAX_MINOR - 1) / 2])
})
const euros = Schema.Struct({ currency: Schema.Literal("EUR"), minor: Schema.Literal(250) })
const address = Schema.Struct({
  recipient: Schema.Literal("Ada"),
  line1: Schema.Literals(["1 High Street", "2 High Street"]),
  city: Schema.Literal("London"),
  postalCode: Schema.Literal("N1"),
  country: Schema.Literal("GB")
})

const customer = { customerId: Schema.Literal("ada"), currency: Schema.Literal("GBP") }
const create = Schema.TaggedStruct("CreateOrder", customer)
const add = Schema.TaggedStruct("AddItem", { productId: product, name, quantity, unitPrice: price })
const addInEuros = Schema.TaggedStruct("AddItem", { ...add.fields, unitPrice: euros })
const remove = Schema.TaggedStruct("RemoveItem", {
  productId: product,
  quantity: Schema.optionalKey(quantity),
  reason
})
const updateAddress = Schema.TaggedStruct("UpdateShippingAddress", { address })
const confirm = Schema.TaggedStruct("ConfirmOrder", {})
const ship = Schema.TaggedStruct("ShipOrder", {
  carrier: Schema.Literal("post"),
  tracking: Schema.Literal("P1")
})
const cancel = Schema.TaggedStruct("CancelOrder", { reason })

/** One command. */
export const command: Arbitrary.Arbitrary<OrderCommand> = oneOf<OrderCommand>(
  Arbitrary.schema(create),
  Arbitrary.schema(add),
  Arbitrary.schema(add),
  Arbitrary.schema(add),
  Arbitrary.schema(add),
  Arbitrary.schema(addInEuros),
  Arbitrary.schema(remove),
  Arbitrary.schema(remove),
  Arbitrary.schema(remove),
  Arbitrary.schema(updateAddress),
  Arbitrary.schema(updateAddress),
  Arbitrary.schema(confirm),
  Arbitrary.schema(ship),
  Arbitrary.schema(cancel)
)

/** Histories of one order. */
export const commands: Arbitrary.Arbitrary<ReadonlyArray<OrderCommand>> = History.arbitrary(
  decider,
  command
)

const item = Schema.Struct({ productId: product, name, quantity, unitPrice: price })

/**
 * Events that no decider decided: anything that the schema allows, and events that affect one
 * another.
 */
const event: Arbitrary.Arbitrary<OrderEvent> = oneOf<OrderEvent>(
  Arbitrary.schema(OrderEvent),
  Arbitrary.schema(Schema.TaggedStruct("OrderCreated", customer)),
  Arbitrary.schema(Schema.TaggedStruct("ItemAdded", item.fields)),
  Arbitrary.schema(
    Schema.TaggedStruct("ItemAdded", {
      ...item.fields,
      quantity: Schema.Literals([Number.MAX_SAFE_INTEGER - 5, Number.MAX_SAFE_INTEGER])
    })
  ),
  Arbitrary.schema(Schema.TaggedStruct("ItemRemoved", { ...item.fields, reason })),
  Arbitrary.schema(Schema.TaggedStruct("ProductRemoved", { productId: product })),
  Arbitrary.schema(Schema.TaggedStruct("OrderConfirmed", {}))
)

/** Any events; the first of them usually creates the order. */
export const events: Arbitrary.Arbitrary<ReadonlyArray<OrderEvent>> = oneOf(
  ...Array.from({ length: 4 }, () =>
    Arbitrary.map(
      Arbitrary.all([
        Arbitrary.schema(Schema.TaggedStruct("OrderCreated", customer)),
        Arbitrary.array(event, { maxLength: 20 })
      ]),
      ([first, rest]): ReadonlyArray<OrderEvent> => [first, ...rest]
    )
  ),
  Arbitrary.array(event, { maxLength: 20 })
)

/** A stored version of an event, and a value of its data. */
export interface Stored {
  readonly version: StoredVersion
  readonly value: unknown
}

/** Data of every version. */
export const stored = (versions: ReadonlyArray<StoredVersion>): Arbitrary.Arbitrary<Stored> =>
  oneOf(
    ...versions.map((version) =>
      Arbitrary.map(Arbitrary.schema(version.schema), (value): Stored => ({ version, value }))
    )
  )
