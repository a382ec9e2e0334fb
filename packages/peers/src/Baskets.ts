/**
 * The orders of all contenders: the same events as JSON, and the same decider for folding and
 * deciding. Peers fold parsed events without a check; Daybook decodes them by schema.
 */
import * as Orders from "@daybook/benchmarks/Orders"
import type { NewEvent } from "@daybook/kernel/NewEvent"
import { aggregate } from "@daybook/order/Order"
import type { OrderEvent } from "@daybook/order/OrderEvent"
import type { OrderState } from "@daybook/order/OrderState"
import * as Arr from "effect/Array"
import * as Result from "effect/Result"
import { randomUUID } from "node:crypto"

/** An event in the form of a store of JSON. */
export interface Stored {
  readonly type: string
  readonly data: Record<string, unknown>
}

/** A state and its revision. */
export interface Known {
  /** The number of events that led to the state. */
  readonly revision: number
  readonly state: OrderState
}

/**
 * Draws a new order's id: a random UUID, the one type of id that every contender stores. It comes
 * from Node, the cheapest source, since its cost is in every figure and no contender causes it.
 */
export const newId = (): string => randomUUID()

/** Returns the stream of an order. */
export const streamId = (id: string): string => `${CATEGORY}${id}`

/** Returns the order id of a stream. */
export const idOf = (stream: string): string => stream.slice(CATEGORY.length)

const CATEGORY = `${aggregate.category}-`

/** Returns the id of a numbered order, so that a workload can pick one of many. */
export const numbered = (n: number): string => NUMBERED + n.toString(16).padStart(12, "0")

/** The prefix of the ids of numbered orders; 12 hexadecimal digits follow. */
export const NUMBERED = "00000000-0000-4000-8000-"

/** Returns `count` events that each add an item. */
export const additions = (count: number): Arr.NonEmptyReadonlyArray<Stored> =>
  Arr.makeBy(count, (n) => Arr.getUnsafe(items, n % items.length))

/** Returns the first `count` events of an order. */
export const history = (count: number): Arr.NonEmptyReadonlyArray<Stored> =>
  count === 1 ? [created] : [created, ...additions(count - 1)]

export const nothing: Known = { revision: 0, state: aggregate.decider.initialState }

/** Returns the state after one more event. */
export const evolve = (state: OrderState, { data, type }: Stored): OrderState =>
  // The stored data of these events are their fields.
  aggregate.decider.evolve(state, { ...data, _tag: type } as OrderEvent)

/** Folds further events. */
export const fold = ({ revision, state }: Known, events: ReadonlyArray<Stored>): Known => ({
  revision: revision + events.length,
  state: events.reduce(evolve, state)
})

/** Returns the event of the nth command. */
export const decide = (n: number, state: OrderState): Stored => {
  const events = Result.getOrThrow(aggregate.decider.decide(Orders.command(n), state))
  const { _tag, ...data } = Arr.getUnsafe(events, 0)
  return { type: _tag, data }
}

const stored = ({ data, type }: NewEvent): Stored => ({
  type,
  // The data of an order's events are objects.
  data: data as Stored["data"]
})

const PRODUCTS = 10

/** Every event that a contender can store: one that creates an order, and one for each product. */
export const kinds: Arr.NonEmptyReadonlyArray<Stored> = Arr.map(
  Orders.history(PRODUCTS + 1),
  stored
)

const [created, ...items] = kinds
