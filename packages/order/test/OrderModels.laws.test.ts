import * as Decider from "@daybook/kernel/Decider"
import type { Any } from "@daybook/kernel/Projection"
import * as AddressChanges from "@daybook/order/AddressChanges"
import * as CustomerOrders from "@daybook/order/CustomerOrders"
import { decider } from "@daybook/order/OrderDecider"
import { codec, type OrderEvent } from "@daybook/order/OrderEvent"
import * as OrderState from "@daybook/order/OrderState"
import * as OrderSummary from "@daybook/order/OrderSummary"
import * as ProductDemand from "@daybook/order/ProductDemand"
import * as RemovedItems from "@daybook/order/RemovedItems"
import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import {
  brokenModels,
  countsInFractions,
  namedByTheLast,
  takesAnyAddress
} from "./brokenOrderModels.ts"
import * as Generated from "./OrderArbitraries.ts"
import {
  type Asked,
  asked,
  comparable,
  fold,
  history,
  recordedAs,
  stored
} from "./orderHistories.ts"
import * as Models from "./orderModels.ts"

const all: ReadonlyArray<Any> = [
  OrderSummary.projection,
  CustomerOrders.projection,
  ProductDemand.projection,
  AddressChanges.projection,
  RemovedItems.projection
]

const readJson = Schema.decodeUnknownSync(Schema.fromJsonString(Schema.Json))

const thorough = { arbitrary: { runs: 500 } }

/**
 * Checks that the law is falsified by a broken implementation: a law that passes it proves nothing.
 */
const catches = <A>(
  broken: string,
  arbitrary: Arbitrary.Arbitrary<A>,
  law: (value: A) => boolean
): void =>
  it.effect(`catches ${broken}`, () =>
    Effect.gen(function* () {
      const result = yield* Arbitrary.checkEffect(arbitrary, law, {
        runs: 2_000,
        seed: 1,
        maxShrinks: 0
      })
      assert.strictEqual(result._tag, "Falsified")
    })
  )

describe("The rows of histories from commands", () => {
  const agrees = (projection: Any) => (asked: ReadonlyArray<Asked>) => {
    const { accepted, recorded } = history(asked)
    const modelled = Models.rows(accepted).get(projection.name) ?? []
    const folded = comparable(projection, fold(projection, recorded))
    return folded.join("\n") === comparable(projection, modelled).join("\n")
  }
  for (const projection of all) {
    it.prop(
      `are what the accepted commands add up to: ${projection.name}`,
      [asked],
      ([asked]) => agrees(projection)(asked),
      thorough
    )
  }
  for (const [what, projection] of brokenModels) catches(what, asked, agrees(projection))
})

/** Records any events, a minute apart, that go into one order or into two. */
const anyEvents = (events: ReadonlyArray<OrderEvent>, orders: 1 | 2) =>
  events.map((event, index) =>
    recordedAs(index % orders === 0 ? "1" : "2", event, index + 1, index, "Tom")
  )

describe("The rows of any events", () => {
  const areOfTheSchema = (projection: Any, recorded: ReturnType<typeof anyEvents>) => {
    const isRow = Schema.is(projection.row)
    return recorded.every((_, index) => {
      const rows = fold(projection, recorded.slice(0, index + 1))
      return rows.every((row) => isRow(row)) && comparable(projection, rows).length === rows.length
    })
  }
  for (const projection of all) {
    it.prop(
      `are of their schema: ${projection.name}`,
      [Generated.events],
      ([events]) => areOfTheSchema(projection, anyEvents(events, 2)),
      { arbitrary: { runs: 300 } }
    )
    it.prop(
      `are of their schema, however the events were stored: ${projection.name}`,
      [Arbitrary.array(Generated.stored(codec.versions), { maxLength: 8 })],
      ([versions]) =>
        areOfTheSchema(
          projection,
          versions.map(({ value, version: { names, schema, schemaVersion } }, index) => {
            // As the JSON text that a store holds.
            const Data = Schema.fromJsonString(Schema.toCodecJson(schema))
            const data = readJson(Schema.encodeUnknownSync(Data)(value))
            return stored("1", names[0], schemaVersion, data, index + 1, index)
          })
        ),
      { arbitrary: { runs: 300 } }
    )
  }
  catches("a count in fractions", Generated.events, (events) =>
    areOfTheSchema(countsInFractions, anyEvents(events, 1))
  )
})

describe("The row of an order", () => {
  /** Compares the facts that a row and a state share. */
  const follows = (projection: Any) => (events: ReadonlyArray<OrderEvent>) => {
    const state = Decider.fold(decider, events)
    const [row] = fold(projection, anyEvents(events, 1)) as ReadonlyArray<
      OrderSummary.OrderSummary | undefined
    >
    if (state._tag === "NotCreated") return row === undefined
    return (
      row !== undefined &&
      row.customerId === state.customerId &&
      row.currency === state.currency &&
      row.status === OrderState.status(state) &&
      row.totalMinor === OrderState.total(state) &&
      row.itemCount === OrderState.itemCount(state) &&
      row.hasAddress === (state.address !== undefined) &&
      JSON.stringify(row.lines) ===
        JSON.stringify(
          state.lines.map(({ productId, quantity, unitPriceMinor }) => [
            productId,
            unitPriceMinor,
            quantity
          ])
        )
    )
  }
  for (const projection of [OrderSummary.projection, CustomerOrders.projection] as const) {
    it.prop(
      `follows evolve, also where that leaves the state as it is: ${projection.name}`,
      [Generated.events],
      ([events]) => follows(projection)(events),
      { arbitrary: { runs: 2_000 } }
    )
  }
  catches("an address that a closed order takes", Generated.events, follows(takesAnyAddress))
})

describe("The demand for a product", () => {
  const mindsNoOrder = (projection: Any) => (asked: ReadonlyArray<Asked>) => {
    const { recorded } = history(asked)
    const half = Math.floor(recorded.length / 2)
    const orders = [
      recorded.toReversed(),
      [...recorded.slice(half), ...recorded.slice(0, half)],
      recorded.toSorted((a, b) => (a.id.at(-1) ?? "").localeCompare(b.id.at(-1) ?? ""))
    ]
    const rows = comparable(projection, fold(projection, recorded)).join("\n")
    return orders.every(
      (order) => comparable(projection, fold(projection, order)).join("\n") === rows
    )
  }
  it.prop(
    "is the same in any order of its events",
    [asked],
    ([asked]) => mindsNoOrder(ProductDemand.projection)(asked),
    thorough
  )
  catches("a name by the order of the log", asked, mindsNoOrder(namedByTheLast))
})
