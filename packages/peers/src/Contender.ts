/**
 * A contender: a store with the work that it offers, and a check of its stored events.
 */
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Drive } from "./Drive.ts"
import type { RowsDiffer } from "./Rows.ts"

/** A store with the work that it offers. */
export interface Contender {
  readonly name: string
  /** Appends `events` events to a new order each time. */
  readonly append: (events: number) => Drive
  /** Compares the stored events with the acknowledged ones. */
  readonly check: Effect.Effect<void, RowsDiffer>
  readonly orders?: Orders
  /** Works as {@link Orders.execute} does, on states cached in memory. */
  readonly executeCached?: (orders: Range) => Drive
  readonly live?: Live
  /** The highest concurrency that it offers. */
  readonly mostAtATime?: number
}

/** Work on existing orders. */
export interface Orders {
  /** Creates an order of `events` events. */
  readonly make: (id: string, events: number) => Effect.Effect<void>
  /** Adds an item to the order, again and again; the loser of a race decides again at once. */
  readonly hot: (id: string) => Drive
  /** Reads and folds the order each time. */
  readonly load: (id: string) => Drive
  /** Reads and folds an order, decides to add an item, and appends at the revision it read. */
  readonly execute: (orders: Range) => Drive
}

/** A range of numbered orders. */
export interface Range {
  /** The number of the first order, as in `Baskets.numbered(first)`. */
  readonly first: number
  readonly count: number
}

/**
 * Subscribes to the log, calls `seen` with each new order, and returns the function that appends
 * one.
 */
export type Live = (
  seen: (id: string) => void
) => Effect.Effect<(id: string) => Effect.Effect<void>, never, Scope.Scope>

/** The number of events that a contender has acknowledged. */
export interface Tally {
  events: number
}

/** The connections of every contender: the default of `pg`, `postgres` and `Postgres.layer`. */
export const CONNECTIONS = 10
