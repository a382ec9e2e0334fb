/**
 * What takes part: a store with the work that it offers, and a way to look at what it stored.
 */
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Drive } from "./Drive.ts"
import type { RowsDiffer } from "./Rows.ts"

/** What every contender does. */
export interface Contender {
  readonly name: string
  /** Appends so many events to a new order each time. */
  readonly append: (events: number) => Drive
  /** Compares what is stored with what was acknowledged. */
  readonly check: Effect.Effect<void, RowsDiffer>
  readonly orders?: Orders
  /** As {@link Orders.execute}, on states that it keeps in memory. */
  readonly executeCached?: (orders: Range) => Drive
  readonly live?: Live
  /** At a higher concurrency than this it offers nothing. */
  readonly mostAtATime?: number
}

/** Work on orders that are there. */
export interface Orders {
  /** Makes an order of so many events. */
  readonly make: (id: string, events: number) => Effect.Effect<void>
  /** Adds an item to the order, again and again; who loses a race decides again at once. */
  readonly hot: (id: string) => Drive
  /** Reads and folds the order each time. */
  readonly load: (id: string) => Drive
  /** Reads and folds an order, adds an item, and appends that where it read up to; one after the other. */
  readonly execute: (orders: Range) => Drive
}

/** The orders `Baskets.numbered(first)` and so many more. */
export interface Range {
  readonly first: number
  readonly count: number
}

/**
 * Subscribes to the log, calls `seen` with each new order, and gives how to append one.
 */
export type Live = (
  seen: (id: string) => void
) => Effect.Effect<(id: string) => Effect.Effect<void>, never, Scope.Scope>

/** How many events a contender has acknowledged. */
export interface Tally {
  events: number
}

/** Connections of every contender: what `pg`, `postgres` and `Postgres.layer` open unless told otherwise. */
export const CONNECTIONS = 10
