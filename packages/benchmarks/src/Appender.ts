/**
 * The least that a measure needs: a contender with a name, and an appender.
 */
import type { NewEvent } from "@daybook/kernel/NewEvent"
import type * as Arr from "effect/Array"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

/** A participant in a measure. */
export interface Contender {
  readonly name: string
  /** The name of the contender to compare with. */
  readonly yardstick?: string
}

/** A contender that appends. */
export interface Appender extends Contender {
  /** Appends to the order at any revision. */
  readonly append: (id: string, events: Arr.NonEmptyReadonlyArray<NewEvent>) => Effect.Effect<void>
}

/**
 * Opens a subject for a measurement.
 *
 * **Details**
 * A store in memory is opened for each measurement: it would fill the memory of the process in the
 * course of a run. The databases are opened once.
 */
export type Open<A extends Contender> = Effect.Effect<A, never, Scope.Scope>

/** The contenders of a measure, by name. */
export type Opens<A extends Contender> = ReadonlyArray<readonly [name: string, open: Open<A>]>
