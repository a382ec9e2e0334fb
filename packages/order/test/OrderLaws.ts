/**
 * The laws of an order beyond those of every decider, as claims, so that each can be tried on the
 * real decider and on a broken one that it must catch.
 */
import * as Decider from "@daybook/kernel/Decider"
import { MAX_MINOR } from "@daybook/order/Money"
import * as Order from "@daybook/order/Order"
import type { OrderCommand } from "@daybook/order/OrderCommand"
import type { OrderEvent } from "@daybook/order/OrderEvent"
import { OrderRejection } from "@daybook/order/OrderRejection"
import * as OrderState from "@daybook/order/OrderState"
import * as DeciderLaws from "@daybook/testing/laws/DeciderLaws"
import * as History from "@daybook/testing/History"
import * as Law from "@daybook/testing/Law"
import * as Arbitrary from "effect/Arbitrary"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Generated from "./OrderArbitraries.ts"

export type OrderDecider = typeof Order.aggregate.decider
type State = OrderState.OrderState
type Step = History.Step<OrderCommand, State, OrderEvent, OrderRejection>
type Claims = DeciderLaws.Claims<OrderCommand, State, OrderEvent, OrderRejection>

/** The sentence that names the law. */
export const NO_DRIFT = "the total is what was added less what was removed"
export const EXACT_REMOVAL = "a removal takes what was asked, the price that was added last first"
export const DIFFERENCE = "every event makes a difference"

const sameState = Schema.toEquivalence(OrderState.OrderState)

/** Returns true if the order must not change any more. */
const isClosed = (state: State): boolean => state._tag === "Shipped" || state._tag === "Cancelled"

/** Invariant 12: exact to the last unit, by `total`, and within the limit of stored amounts. */
const doesNotDrift =
  (total: (state: State) => bigint) =>
  ({ after, ...step }: Step, earlier: ReadonlyArray<Step>): boolean => {
    const expected = { minor: 0n, items: 0n }
    for (const { decided } of [...earlier, step]) {
      for (const event of Result.getOrElse(decided, () => [])) {
        if (event._tag !== "ItemAdded" && event._tag !== "ItemRemoved") continue
        const sign = event._tag === "ItemAdded" ? 1n : -1n
        expected.items += sign * BigInt(event.quantity)
        expected.minor += sign * BigInt(event.quantity) * BigInt(event.unitPrice.minor)
      }
    }
    return (
      total(after) === expected.minor &&
      expected.minor <= BigInt(MAX_MINOR) &&
      BigInt(OrderState.itemCount(after)) === expected.items
    )
  }

const removesExactly = ({ after, before, command, decided }: Step): boolean => {
  if (command._tag !== "RemoveItem" || Result.isFailure(decided)) return true
  // Counting unit by unit is a second way to the answer, affordable for small orders only.
  if (OrderState.itemCount(before) > 1_000) return true
  const units = (state: State): ReadonlyArray<number> =>
    OrderState.lines(state)
      .filter((line) => line.productId === command.productId)
      .flatMap((line) => Array<number>(line.quantity).fill(line.unitPriceMinor))
  const kept = command.quantity === undefined ? [] : units(before).slice(0, -command.quantity)
  return JSON.stringify(units(after)) === JSON.stringify(kept)
}

const makesADifference =
  (decider: OrderDecider) =>
  ({ before, decided }: Step): boolean => {
    let state = before
    return Result.getOrElse(decided, (): ReadonlyArray<OrderEvent> => []).every((event) => {
      const was = state
      state = decider.evolve(state, event)
      return !sameState(was, state)
    })
  }

/** The laws of an order whose decider, or whose sum over it, may be a broken one. */
export const laws = (
  decider: OrderDecider = Order.aggregate.decider,
  total: (state: State) => bigint = OrderState.total
): ReadonlyArray<Law.Law> => {
  const claims: Claims = {
    commands: Generated.command,
    rejections: OrderRejection,
    neverDecided: ["ProductRemoved"],
    terminal: isClosed,
    always: {
      "no line is empty": (state) => OrderState.lines(state).every(({ quantity }) => quantity > 0)
    },
    steps: {
      [NO_DRIFT]: doesNotDrift(total),
      [EXACT_REMOVAL]: removesExactly,
      [DIFFERENCE]: makesADifference(decider)
    }
  }
  return [...DeciderLaws.laws({ ...Order.aggregate, decider }, claims), closedStays(decider)]
}

export const CLOSED = "a shipped or cancelled order stays the same after any event"

/** Stronger than `terminal`: it also covers events that no command leads to. */
const closedStays = (decider: OrderDecider): Law.Law =>
  Law.make({
    name: CLOSED,
    inputs: () =>
      Arbitrary.all({
        commands: History.arbitrary(decider, Generated.command),
        events: Generated.events
      }),
    problem: ({ commands, events }) => {
      const state = History.steps(decider, commands).at(-1)?.after ?? decider.initialState
      if (!isClosed(state)) return undefined
      return sameState(state, Decider.fold(decider, events, state))
        ? undefined
        : `does not hold for the events ${JSON.stringify(events)}`
    },
    show: ({ commands }) => History.show(decider, commands)
  })
