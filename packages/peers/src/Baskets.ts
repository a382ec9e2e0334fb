/**
 * The orders of all contenders: the same events as JSON, and the same decider to fold and to decide
 * with. Peers fold the events as they parsed them, which nobody checks; Daybook decodes by schema.
 */
import * as Orders from "@daybook/benchmarks/Orders"
import type { NewEvent } from "@daybook/kernel/NewEvent"
import { aggregate } from "@daybook/order/Order"
import type { OrderEvent } from "@daybook/order/OrderEvent"
import type { OrderState } from "@daybook/order/OrderState"
import * as Arr from "effect/Array"
import * as Result from "effect/Result"
import { randomUUID } from "node:crypto"

/** An event as a store of JSON keeps it. */
export interface Stored {
  readonly type: string
  readonly data: Record<string, unknown>
}

/** A state and how many events led to it. */
export interface Known {
  readonly revision: number
  readonly state: OrderState
}

/**
 * A new order's id: a random UUID, since that is the one type of id that every contender stores. Node's own
 * draws it, being the cheapest: what an id costs is measured with every contender and is the work of none.
 */
export const newId = (): string => randomUUID()

/** The stream of an order. */
export const streamId = (id: string): string => `${CATEGORY}${id}`

/** The order of a stream. */
export const idOf = (stream: string): string => stream.slice(CATEGORY.length)

const CATEGORY = `${aggregate.category}-`

/** The id of a numbered order, for who must pick one of many. */
export const numbered = (n: number): string => NUMBERED + n.toString(16).padStart(12, "0")

/** What the ids of numbered orders begin with, before 12 hexadecimal digits. */
export const NUMBERED = "00000000-0000-4000-8000-"

/** So many events that each add an item. */
export const additions = (count: number): Arr.NonEmptyReadonlyArray<Stored> =>
  Arr.makeBy(count, (n) => Arr.getUnsafe(items, n % items.length))

/** The first so many events of an order. */
export const history = (count: number): Arr.NonEmptyReadonlyArray<Stored> =>
  count === 1 ? [created] : [created, ...additions(count - 1)]

export const nothing: Known = { revision: 0, state: aggregate.decider.initialState }

/** The state after one more event. */
export const evolve = (state: OrderState, { data, type }: Stored): OrderState =>
  // What is stored of these events are their fields.
  aggregate.decider.evolve(state, { ...data, _tag: type } as OrderEvent)

/** What is known after further events. */
export const fold = ({ revision, state }: Known, events: ReadonlyArray<Stored>): Known => ({
  revision: revision + events.length,
  state: events.reduce(evolve, state)
})

/** The event that the nth command leads to. */
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

/** Every event that a contender can have stored: one that creates an order, and one for each product. */
export const kinds: Arr.NonEmptyReadonlyArray<Stored> = Arr.map(
  Orders.history(PRODUCTS + 1),
  stored
)

const [created, ...items] = kinds
