/**
 * What can be measured at the least: something with a name, and something that appends.
 */
import type { NewEvent } from "@daybook/kernel/NewEvent"
import type * as Arr from "effect/Array"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

/** What takes part in a measure; `yardstick` names the one to compare with. */
export interface Contender {
  readonly name: string
  readonly yardstick?: string
}

/** What appends. */
export interface Appender extends Contender {
  /** Appends at whatever revision the order has. */
  readonly append: (id: string, events: Arr.NonEmptyReadonlyArray<NewEvent>) => Effect.Effect<void>
}

/**
 * Opens a subject for a measurement.
 *
 * **Details**
 * A store in memory is opened for each, or it would fill the memory of the process in the course of a
 * run; the databases are opened once.
 */
export type Open<A extends Contender> = Effect.Effect<A, never, Scope.Scope>

/** What is compared in a measure, by name. */
export type Opens<A extends Contender> = ReadonlyArray<readonly [name: string, open: Open<A>]>
