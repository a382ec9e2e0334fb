/**
 * The operations that a store of read models implements: it carries out the decisions of
 * `ReadModelLifecycle`, and keeps rows. `ReadModelOperations.make` makes the service of it.
 *
 * For authors of stores. Rules for every driver:
 *
 * 1. `transition` and `exclusively` are transactions: a decision takes effect whole, or not at all.
 * 2. While a decision is made and carried out, no step of the generations that it names is taken.
 * 3. A claim of another owner (see `ReadModelLifecycle.waits`) and a renewal never wait for a step
 *    or a promotion.
 * 4. A host asks for all its read models at once in `states`, `renew` and `mark`: each should be
 *    one statement.
 *
 * @since 0.1.0
 */
import type * as Projection from "@daybook/kernel/Projection"
import type * as Effect from "effect/Effect"
import type { ReadModelStoreError, RowDifference } from "../ReadModelError.ts"
import type { Claim } from "./ReadModelGeneration.ts"
import type { ReadModelStore } from "../ReadModelStore.ts"
import type { Any as AnyTable } from "./ReadModelTable.ts"
import type { Event, Rejection, State, Transition } from "./ReadModelLifecycle.ts"

/**
 * The answer to a command.
 *
 * @category types
 * @since 0.1.0
 */
export interface Transitioned {
  readonly events: ReadonlyArray<Event>
  /** The state after the events. */
  readonly state: State
  /** The time of the store's clock at the decision, in milliseconds since 1970. */
  readonly at: number
}

/**
 * A read model that a fiber has to itself.
 *
 * @category types
 * @since 0.1.0
 */
export interface Exclusive {
  readonly state: State
  /** The time of the store's clock, in milliseconds since 1970. */
  readonly at: number
  /** Waits until every append that has drawn a position by now is settled. */
  readonly appendsSettled: Effect.Effect<void, ReadModelStoreError>
}

/**
 * The differences between the rows of two generations.
 *
 * @category types
 * @since 0.1.0
 */
export interface Differences {
  readonly count: number
  /** By key: at most `MAX_DIFFERENCES`, with at most `MAX_DIFFERENCES_BYTES` before the last. */
  readonly first: ReadonlyArray<RowDifference>
}

/**
 * The operations that every store implements.
 *
 * @category types
 * @since 0.1.0
 */
export interface Driver extends Pick<
  ReadModelStore["Service"],
  "load" | "advance" | "renew" | "mark" | "inline" | "states" | "skipped" | "acts" | "get" | "query"
> {
  /**
   * Decides a command in the present state, at the time of the store's clock, and carries out its
   * events in one transaction.
   *
   * **Details**
   * `Table*` events make, empty, swap and drop tables; `Skipped` and `Acted` are recorded with
   * their time. No append that maintains the read model is in flight, except for commands that a
   * claim allows.
   */
  readonly transition: (
    name: Projection.Name,
    command: Transition,
    /** The definition, for commands that may begin a generation. */
    table?: AnyTable
  ) => Effect.Effect<Transitioned, Rejection | ReadModelStoreError>

  /**
   * Runs an effect that has a read model to itself, in one transaction: other steps of the serving
   * and the claimed generation wait, and so do appends that maintain it.
   *
   * **Details**
   * Operations of the effect on this store are part of the transaction. An effect that fails
   * changes nothing.
   */
  readonly exclusively: <A, E>(
    of: {
      readonly name: Projection.Name
      /** The claim under which the effect takes steps. */
      readonly claim?: Claim
      /** The name of the operation, for errors. */
      readonly operation: string
    },
    use: (exclusive: Exclusive) => Effect.Effect<A, E>
  ) => Effect.Effect<A, E | ReadModelStoreError>

  /** Compares the rows of the serving generation with those of a shadow. */
  readonly differences: (
    table: AnyTable,
    generations: { readonly serving: number; readonly rebuilt: number }
  ) => Effect.Effect<Differences, ReadModelStoreError>
}
