import * as EventCodecs from "@daybook/kernel/EventCodec"
import type { EventCodec } from "@daybook/kernel/EventCodec"
import * as Upcaster from "@daybook/kernel/Upcaster"
import * as Order from "@daybook/order/Order"
import { OrderCommand } from "@daybook/order/OrderCommand"
import { decider } from "@daybook/order/OrderDecider"
import { codec, OrderEvent } from "@daybook/order/OrderEvent"
import { OrderRejection } from "@daybook/order/OrderRejection"
import * as OrderState from "@daybook/order/OrderState"
import * as CodecLaws from "@daybook/testing/laws/CodecLaws"
import * as History from "@daybook/testing/History"
import * as Law from "@daybook/testing/Law"
import * as LawSuite from "@daybook/testing/LawSuite"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Generated from "./OrderArbitraries.ts"
import * as Laws from "./OrderLaws.ts"

LawSuite.suite("an order", Laws.laws(), { runs: 500 })

/**
 * Checks that the law is falsified by a broken implementation: a law that passes it proves nothing.
 */
const catches = (broken: string, law: string, laws: ReadonlyArray<Law.Law>): void =>
  it.effect(`catches ${broken}`, () =>
    Effect.gen(function* () {
      const named = laws.filter(({ name }) => name === law)
      assert.lengthOf(named, 1)
      const found = yield* Law.broken(named, { runs: 2_000, seed: 1, maxShrinks: 0 })
      assert.deepStrictEqual(
        found.map(({ reason }) => reason._tag),
        ["Falsified"]
      )
    })
  )

const evolving = (evolve: Laws.OrderDecider["evolve"]) => Laws.laws({ ...decider, evolve })
const deciding = (decide: Laws.OrderDecider["decide"]) => Laws.laws({ ...decider, decide })

describe("evolve is total", () => {
  catches(
    "a removal that leaves a negative quantity",
    "evolve is total",
    evolving((state, event) =>
      event._tag === "ItemRemoved" && state._tag === "Draft"
        ? {
            ...state,
            lines: state.lines.map((line) => ({
              ...line,
              quantity: line.quantity - event.quantity
            }))
          }
        : decider.evolve(state, event)
    )
  )
  catches(
    "an addition past the largest integer",
    "evolve is total",
    evolving((state, event) =>
      event._tag === "ItemAdded" && state._tag === "Draft"
        ? {
            ...state,
            lines: [
              ...state.lines.filter((line) => line.productId !== event.productId),
              {
                productId: event.productId,
                name: event.name,
                unitPriceMinor: event.unitPrice.minor,
                quantity:
                  event.quantity +
                  (state.lines.find((line) => line.productId === event.productId)?.quantity ?? 0)
              }
            ]
          }
        : decider.evolve(state, event)
    )
  )
  catches(
    "an event that throws",
    "evolve is total",
    evolving((state, event) => {
      if (event._tag === "OrderShipped" && state._tag !== "Confirmed") {
        throw new Error("not confirmed")
      }
      return decider.evolve(state, event)
    })
  )
})

describe("an event makes a difference", () => {
  catches(
    "a confirmation of a confirmed order",
    Laws.DIFFERENCE,
    deciding((command, state) =>
      command._tag === "ConfirmOrder" && state._tag === "Confirmed"
        ? Result.succeed([{ _tag: "OrderConfirmed" }])
        : decider.decide(command, state)
    )
  )
  catches(
    "an address that is recorded again",
    Laws.DIFFERENCE,
    deciding((command, state) =>
      command._tag === "UpdateShippingAddress" && state._tag === "Draft"
        ? Result.succeed([{ _tag: "ShippingAddressUpdated", address: command.address }])
        : decider.decide(command, state)
    )
  )
})

describe("money never drifts", () => {
  const sum = (of: (line: OrderState.Line) => number) => (state: OrderState.OrderState) =>
    OrderState.lines(state).reduce((all, line) => all + of(line), 0)
  const inTotal = (total: (state: OrderState.OrderState) => number) =>
    Laws.laws(decider, (state) => BigInt(total(state)))

  catches(
    "32-bit arithmetic",
    Laws.NO_DRIFT,
    inTotal(sum((line) => Math.imul(line.unitPriceMinor, line.quantity)))
  )
  const inPounds = sum((line) => (line.unitPriceMinor / 100) * line.quantity)
  catches(
    "floating point pounds",
    Laws.NO_DRIFT,
    inTotal((state) => Math.round(inPounds(state) * 100))
  )
  catches(
    "lines that are merged at different prices",
    Laws.NO_DRIFT,
    evolving((state, event) => {
      const line =
        event._tag === "ItemAdded"
          ? OrderState.lines(state).find((other) => other.productId === event.productId)
          : undefined
      return event._tag === "ItemAdded" && line !== undefined
        ? decider.evolve(state, {
            ...event,
            unitPrice: { ...event.unitPrice, minor: line.unitPriceMinor }
          })
        : decider.evolve(state, event)
    })
  )
})

describe("a removal is exact", () => {
  catches(
    "a removal that takes the first price first",
    Laws.EXACT_REMOVAL,
    deciding((command, state) =>
      decider.decide(
        command,
        command._tag === "RemoveItem" && state._tag === "Draft"
          ? { ...state, lines: state.lines.toReversed() }
          : state
      )
    )
  )
})

describe("closed orders stay", () => {
  catches(
    "an order that is cancelled twice",
    Laws.CLOSED,
    evolving((state, event) =>
      event._tag === "OrderCancelled" && state._tag === "Cancelled"
        ? { ...state, reason: event.reason }
        : decider.evolve(state, event)
    )
  )
})

describe("the laws of every decider", () => {
  let decisions = 0
  catches(
    "a decision that depends on earlier ones",
    "decide is a function of the command and the state",
    deciding((command, state) =>
      decider.decide(
        command._tag === "CancelOrder" ? { ...command, reason: `no. ${++decisions}` } : command,
        state
      )
    )
  )
})

describe("the codec", () => {
  const lossy = (forget: (event: OrderEvent) => OrderEvent): EventCodec<OrderEvent> => ({
    ...codec,
    encode: (event) => codec.encode(forget(event))
  })
  const comesBack = "an event comes back from its stored form as it was"

  catches(
    "a field that is lost",
    comesBack,
    CodecLaws.laws(lossy((e) => (e._tag === "ItemRemoved" ? { ...e, reason: "removed" } : e)))
  )
  catches(
    "a quantity in single precision",
    comesBack,
    CodecLaws.laws(
      lossy((e) => (e._tag === "ItemAdded" ? { ...e, quantity: Math.fround(e.quantity) } : e))
    )
  )
  const fractions = EventCodecs.make({
    name: "order",
    events: OrderEvent,
    past: {
      ItemAdded: Upcaster.from(
        Schema.Struct({ product_id: Schema.String, quantity: Schema.Int, price: Schema.Finite })
      ).into(({ price, product_id: productId, quantity }) => ({
        _tag: "ItemAdded",
        productId,
        name: "",
        quantity,
        unitPrice: { currency: "GBP", minor: price * 100 }
      }))
    }
  })
  catches(
    "an upcaster that leaves fractions of pence",
    "every version that was ever stored decodes",
    CodecLaws.laws(
      {
        ...codec,
        decode: (event) =>
          (event.type === "ItemAdded" && event.schemaVersion === 1 ? fractions : codec).decode(
            event
          )
      },
      { fold: Order.aggregate }
    )
  )
})

describe("the generated commands", () => {
  const generators = {
    "those of few values": Generated.command,
    "those of their schema": OrderCommand
  }
  for (const [which, commands] of Object.entries(generators)) {
    it.effect(`reach every event of today, status and rejection: ${which}`, () =>
      Effect.gen(function* () {
        const reached = yield* History.coverage(decider, commands, {
          count: 500,
          size: 30,
          seed: 1
        })
        assert.sameMembers(
          [...reached.events.keys()],
          Object.keys(OrderEvent.cases).filter((tag) => tag !== "ProductRemoved")
        )
        assert.sameMembers([...reached.rejections.keys()], Object.keys(OrderRejection.cases))
        assert.sameMembers([...reached.states.keys()], Object.keys(OrderState.OrderState.cases))
      })
    )
  }
})
