import * as EventCodecs from "@daybook/kernel/EventCodec"
import type { EventCodec } from "@daybook/kernel/EventCodec"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as Upcaster from "@daybook/kernel/Upcaster"
import { decider } from "@daybook/order/OrderDecider"
import { codec, OrderEvent } from "@daybook/order/OrderEvent"
import * as OrderState from "@daybook/order/OrderState"
import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Generated from "./OrderArbitraries.ts"
import * as Laws from "./OrderLaws.ts"

/** A law that passes a broken implementation says nothing: this one must be falsified. */
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

const thorough = { arbitrary: { runs: 500 } }

const evolving = (evolve: Laws.OrderDecider["evolve"]): Laws.OrderDecider => ({
  ...decider,
  evolve
})

describe("evolve is total", () => {
  const stateAndEvents = Arbitrary.all([Generated.state, Generated.events])

  it.prop(
    "gives a state of the schema for any events from the start",
    [Generated.events],
    ([all]) => Laws.evolveIsTotal(decider, decider.initialState, all),
    thorough
  )
  it.prop(
    "gives a state of the schema for any events in any state",
    [stateAndEvents],
    ([[s, all]]) => Laws.evolveIsTotal(decider, s, all),
    thorough
  )

  catches("a removal that leaves a negative quantity", Generated.events, (all) => {
    const broken = evolving((state, event) =>
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
    return Laws.evolveIsTotal(broken, broken.initialState, all)
  })
  catches("an addition past the largest integer", Generated.events, (all) => {
    const broken = evolving((state, event) =>
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
    return Laws.evolveIsTotal(broken, broken.initialState, all)
  })
  catches("an event that throws", Generated.events, (all) => {
    const broken = evolving((state, event) => {
      if (event._tag === "OrderShipped" && state._tag !== "Confirmed")
        throw new Error("not confirmed")
      return decider.evolve(state, event)
    })
    return Laws.evolveIsTotal(broken, broken.initialState, all)
  })
})

describe("what decide emits, evolve accepts", () => {
  it.prop(
    "holds for generated commands",
    [Generated.commands],
    ([commands]) => Laws.evolveAcceptsDecisions(decider, commands),
    thorough
  )
  catches("a confirmation of a confirmed order", Generated.commands, (commands) =>
    Laws.evolveAcceptsDecisions(
      {
        ...decider,
        decide: (command, state) =>
          command._tag === "ConfirmOrder" && state._tag === "Confirmed"
            ? Result.succeed([{ _tag: "OrderConfirmed" }])
            : decider.decide(command, state)
      },
      commands
    )
  )
  catches("an address that is recorded again", Generated.commands, (commands) =>
    Laws.evolveAcceptsDecisions(
      {
        ...decider,
        decide: (command, state) =>
          command._tag === "UpdateShippingAddress" && state._tag === "Draft"
            ? Result.succeed([{ _tag: "ShippingAddressUpdated", address: command.address }])
            : decider.decide(command, state)
      },
      commands
    )
  )
})

describe("money never drifts", () => {
  const sum = (of: (line: OrderState.Line) => number) => (state: OrderState.OrderState) =>
    OrderState.lines(state).reduce((all, line) => all + of(line), 0)

  it.prop(
    "the total is what was added less what was removed",
    [Generated.commands],
    ([commands]) => Laws.moneyNeverDrifts(decider, OrderState.total, commands),
    thorough
  )
  catches("32-bit arithmetic", Generated.commands, (commands) => {
    const total = sum((line) => Math.imul(line.unitPriceMinor, line.quantity))
    return Laws.moneyNeverDrifts(decider, (state) => BigInt(total(state)), commands)
  })
  catches("floating point pounds", Generated.commands, (commands) => {
    const total = sum((line) => (line.unitPriceMinor / 100) * line.quantity)
    return Laws.moneyNeverDrifts(
      decider,
      (state) => BigInt(Math.round(total(state) * 100)),
      commands
    )
  })
  catches("lines that are merged whatever their price", Generated.commands, (commands) => {
    const broken = evolving((state, event) => {
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
    return Laws.moneyNeverDrifts(broken, OrderState.total, commands)
  })
})

describe("a removal is exact", () => {
  it.prop(
    "takes what was asked, last price first",
    [Generated.commands],
    ([commands]) => Laws.removalIsExact(decider, commands),
    thorough
  )
  catches("a removal that takes the first price first", Generated.commands, (commands) =>
    Laws.removalIsExact(
      {
        ...decider,
        decide: (command, state) =>
          decider.decide(
            command,
            command._tag === "RemoveItem" && state._tag === "Draft"
              ? { ...state, lines: state.lines.toReversed() }
              : state
          )
      },
      commands
    )
  )
})

describe("closed orders stay", () => {
  const commandsAndEvents = Arbitrary.all([Generated.commands, Generated.events])

  it.prop(
    "whatever is asked or recorded",
    [commandsAndEvents],
    ([[commands, events]]) => Laws.closedOrdersStay(decider, commands, events),
    thorough
  )
  catches("an order that is cancelled twice", commandsAndEvents, ([commands, events]) =>
    Laws.closedOrdersStay(
      evolving((state, event) =>
        event._tag === "OrderCancelled" && state._tag === "Cancelled"
          ? { ...state, reason: event.reason }
          : decider.evolve(state, event)
      ),
      commands,
      events
    )
  )
})

describe("decide is a function", () => {
  it.prop(
    "of the command and the state",
    [Generated.commands],
    ([commands]) => Laws.decideIsAFunction(decider, commands),
    thorough
  )
  catches("a decision that depends on earlier ones", Generated.commands, (commands) => {
    let decisions = 0
    return Laws.decideIsAFunction(
      {
        ...decider,
        decide: (command, state) =>
          decider.decide(
            command._tag === "CancelOrder" ? { ...command, reason: `no. ${++decisions}` } : command,
            state
          )
      },
      commands
    )
  })
})

describe("the codec round-trips", () => {
  const lossy = (forget: (event: OrderEvent) => OrderEvent): EventCodec<OrderEvent> => ({
    ...codec,
    encode: (event) => codec.encode(forget(event))
  })

  it.prop(
    "decodes what it encoded, through JSON text",
    [Generated.event],
    ([event]) => Laws.roundTrips(codec, event),
    thorough
  )
  catches("a field that is lost", Generated.event, (event) =>
    Laws.roundTrips(
      lossy((e) => (e._tag === "ItemRemoved" ? { ...e, reason: "removed" } : e)),
      event
    )
  )
  catches("a quantity in single precision", Generated.event, (event) =>
    Laws.roundTrips(
      lossy((e) => (e._tag === "ItemAdded" ? { ...e, quantity: Math.fround(e.quantity) } : e)),
      event
    )
  )
})

describe("every version decodes", () => {
  const holds = (of: EventCodec<OrderEvent>, { version, value }: Generated.Stored) =>
    Laws.oldVersionsDecode(of, decider, version, value)
  const stored = Generated.stored(codec.versions)

  it.prop("whatever its schema allows", [stored], ([one]) => holds(codec, one), thorough)
  catches("an upcaster that leaves fractions of pence", stored, (one) => {
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
    const isBroken = (event: RecordedEvent) =>
      event.type === "ItemAdded" && event.schemaVersion === 1
    return holds(
      { ...codec, decode: (event) => (isBroken(event) ? fractions : codec).decode(event) },
      one
    )
  })
})

describe("the generated commands", () => {
  it.effect("reach every event of today, status and rejection", () =>
    Effect.gen(function* () {
      const histories = yield* Arbitrary.sampleEffect(Generated.commands, {
        count: 1_000,
        size: 30,
        seed: 1
      })
      const all = histories.flatMap((commands) => Laws.steps(decider, commands))
      const tags = all.flatMap(({ decided }) =>
        Result.isSuccess(decided) ? decided.success.map((e) => e._tag) : [decided.failure._tag]
      )
      assert.sameMembers(
        [...new Set<string>(tags)],
        [
          ...Object.keys(OrderEvent.cases).filter((tag) => tag !== "ProductRemoved"),
          "OrderAlreadyExists",
          "WrongStatus",
          "CurrencyMismatch",
          "ItemNotInOrder",
          "NotEnoughItems",
          "TotalTooLarge",
          "NoItems",
          "NoShippingAddress"
        ]
      )
      assert.sameMembers(
        [...new Set(all.map(({ after }) => OrderState.status(after)))],
        [...OrderState.OrderStatus.literals]
      )
    })
  )
})
