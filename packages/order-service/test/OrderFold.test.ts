/**
 * Snapshots of orders notice a fold that was changed in one place.
 */
import * as Aggregate from "@daybook/kernel/Aggregate"
import { aggregate } from "@daybook/order/Order"
import type { OrderEvent } from "@daybook/order/OrderEvent"
import type { Line, OrderState } from "@daybook/order/OrderState"
import * as FoldFingerprint from "@daybook/store/FoldFingerprint"
import { assert, describe, it } from "@effect/vitest"
import * as Digest from "effect/crypto/Digest"
import * as Effect from "effect/Effect"

type Evolve = (state: OrderState, event: OrderEvent) => OrderState
const { evolve } = aggregate.decider

const of = (changed: Evolve) =>
  FoldFingerprint.make(
    Aggregate.make({ ...aggregate, decider: { ...aggregate.decider, evolve: changed } })
  ).pipe(Effect.provide(Digest.layerWebCrypto))

/** Of the fold as it is, computed for the first of the mutants. */
const unchanged = FoldFingerprint.make(aggregate).pipe(Effect.provide(Digest.layerWebCrypto))

/** The lines of a draft after it, as `change` has them. */
const withLines =
  (
    tag: OrderEvent["_tag"],
    change: (lines: ReadonlyArray<Line>, before: ReadonlyArray<Line>) => ReadonlyArray<Line>
  ): Evolve =>
  (state, event) => {
    const next = evolve(state, event)
    return event._tag === tag && next._tag === "Draft" && state._tag === "Draft"
      ? { ...next, lines: change(next.lines, state.lines) }
      : next
  }

const quantityBefore = (before: ReadonlyArray<Line>, line: Line) =>
  before.find(
    (other) => other.productId === line.productId && other.unitPriceMinor === line.unitPriceMinor
  )?.quantity ?? 0

const mutants: Record<string, Evolve> = {
  "adds what is taken off": withLines("ItemRemoved", (lines, before) =>
    lines.map((line) => ({
      ...line,
      quantity: 2 * quantityBefore(before, line) - line.quantity
    }))
  ),
  "takes off one, whatever the quantity": withLines("ItemRemoved", (lines, before) =>
    lines.map((line) => {
      const quantity = quantityBefore(before, line)
      return quantity === line.quantity ? line : { ...line, quantity: quantity - 1 }
    })
  ),
  "takes off a product at every price": (state, event) => {
    const next = evolve(state, event)
    return event._tag === "ItemRemoved" && next._tag === "Draft"
      ? { ...next, lines: next.lines.filter(({ productId }) => productId !== event.productId) }
      : next
  },
  "forgets what was there of an item that is added again": withLines("ItemAdded", (lines, before) =>
    lines.map((line, index) =>
      index === lines.length - 1 && quantityBefore(before, line) > 0
        ? { ...line, quantity: line.quantity - quantityBefore(before, line) }
        : line
    )
  ),
  "keeps the line in its place that was added to last": withLines("ItemAdded", (lines, before) =>
    before.length === lines.length
      ? lines.toSorted(
          (a, b) =>
            before.findIndex((line) => line.productId === a.productId) -
            before.findIndex((line) => line.productId === b.productId)
        )
      : lines
  ),
  "takes an item in any currency": (state, event) =>
    event._tag === "ItemAdded" && state._tag === "Draft"
      ? evolve(state, { ...event, unitPrice: { ...event.unitPrice, currency: state.currency } })
      : evolve(state, event),
  "lets an order begin twice": (state, event) =>
    event._tag === "OrderCreated" ? evolve({ _tag: "NotCreated" }, event) : evolve(state, event),
  "keeps the first address": (state, event) =>
    event._tag === "ShippingAddressUpdated" && "address" in state ? state : evolve(state, event),
  "keeps the address of a confirmed order": (state, event) =>
    event._tag === "ShippingAddressUpdated" && state._tag === "Confirmed"
      ? state
      : evolve(state, event),
  "changes the address of a shipped order": (state, event) =>
    event._tag === "ShippingAddressUpdated" && state._tag === "Shipped"
      ? { ...state, address: event.address }
      : evolve(state, event),
  "mixes up carrier and tracking": (state, event) => {
    const next = evolve(state, event)
    return next._tag === "Shipped" && state._tag !== "Shipped"
      ? { ...next, carrier: next.tracking, tracking: next.carrier }
      : next
  },
  "cancels a shipped order": (state, event) =>
    event._tag === "OrderCancelled" && state._tag === "Shipped"
      ? evolve({ ...state, _tag: "Confirmed" }, event)
      : evolve(state, event),
  "cancels twice, for the second reason": (state, event) =>
    event._tag === "OrderCancelled" && state._tag === "Cancelled"
      ? { ...state, reason: event.reason }
      : evolve(state, event),
  "keeps the items of a confirmed order": (state, event) =>
    state._tag === "Confirmed" && (event._tag === "ItemAdded" || event._tag === "ItemRemoved")
      ? state
      : evolve(state, event),
  "removes a product at its first price only": (state, event) => {
    const next = evolve(state, event)
    if (event._tag !== "ProductRemoved" || next._tag !== "Draft" || state._tag !== "Draft")
      return next
    const first = state.lines.find(({ productId }) => productId === event.productId)
    return { ...next, lines: state.lines.filter((line) => line !== first) }
  },
  "leaves out what is free": (state, event) =>
    event._tag === "ItemAdded" && event.unitPrice.minor === 0 ? state : evolve(state, event),
  "leaves out a single one": (state, event) =>
    event._tag === "ItemAdded" && event.quantity === 1 ? state : evolve(state, event),
  "leaves out what has no name": (state, event) =>
    event._tag === "ItemAdded" && event.name === "" ? state : evolve(state, event),
  "leaves out what is added at the highest price": (state, event) =>
    event._tag === "ItemAdded" && event.unitPrice.minor === Number.MAX_SAFE_INTEGER
      ? state
      : evolve(state, event),
  "trims names": (state, event) =>
    event._tag === "ItemAdded"
      ? evolve(state, { ...event, name: event.name.trim() })
      : evolve(state, event),
  "trims the reason of a cancellation": (state, event) =>
    event._tag === "OrderCancelled"
      ? evolve(state, { ...event, reason: event.reason.trim() })
      : evolve(state, event),
  "leaves a draft without items unconfirmed": (state, event) =>
    event._tag === "OrderConfirmed" && state._tag === "Draft" && state.lines.length === 0
      ? state
      : evolve(state, event)
}

describe("The fingerprint of an order's fold", () => {
  for (const [what, mutant] of Object.entries(mutants)) {
    it.effect(`changes when it ${what}`, () =>
      Effect.gen(function* () {
        assert.notStrictEqual(yield* of(mutant), yield* unchanged)
      })
    )
  }
})
