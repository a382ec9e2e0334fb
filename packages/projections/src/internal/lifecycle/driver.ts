/**
 * What a store of read models does: it changes their state as the decider says, and keeps rows.
 */
import type * as Projection from "@daybook/kernel/Projection"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type * as Stream from "effect/Stream"
import type { Act } from "../../ReadModelAct.ts"
import type {
  ClaimLost,
  InlinePoison,
  OtherVersionKept,
  OtherVersionServes,
  ReadModelStoreError,
  RowDifference
} from "../../ReadModelError.ts"
import type { Claim, GenerationState, Load, Skipped, Step } from "../../ReadModelGeneration.ts"
import type { InlineAppend } from "../../ReadModelStore.ts"
import type { Any as AnyTable, StoredKey } from "../../ReadModelTable.ts"
import type { RowQuery } from "../../RowQuery.ts"
import type { StoredRow } from "../../StoredRow.ts"
import type { Transition } from "./command.ts"
import type { Rejection } from "./decide.ts"
import type { Event } from "./event.ts"
import type { State } from "./state.ts"

/** The answer to a command: its events, and the state after them. */
export interface Transitioned {
  readonly state: State
  readonly events: ReadonlyArray<Event>
  /** The time of the store's clock at the decision, in milliseconds since 1970. */
  readonly at: number
}

/** A read model that a fiber has to itself. */
export interface Held {
  readonly state: State
  readonly at: number
  /** Waits until every append that has drawn a position by now is settled. */
  readonly appendsSettled: Effect.Effect<void, ReadModelStoreError>
}

export interface Differences {
  readonly count: number
  /** By key: at most `MAX_DIFFERENCES`, with at most `MAX_DIFFERENCES_BYTES` before the last. */
  readonly first: ReadonlyArray<RowDifference>
}

export interface Driver {
  readonly transition: (
    name: Projection.Name,
    command: Transition,
    table?: AnyTable
  ) => Effect.Effect<Transitioned, Rejection | ReadModelStoreError>
  readonly exclusively: <A, E>(
    of: {
      readonly name: Projection.Name
      readonly claim?: Claim
      readonly operation: string
    },
    use: (held: Held) => Effect.Effect<A, E>
  ) => Effect.Effect<A, E | ReadModelStoreError>
  readonly load: (
    table: AnyTable,
    claim: Claim,
    step: Load
  ) => Effect.Effect<ReadonlyMap<string, StoredRow>, ClaimLost | ReadModelStoreError>
  readonly advance: (
    table: AnyTable,
    claim: Claim,
    step: Step
  ) => Effect.Effect<void, ClaimLost | ReadModelStoreError>
  readonly inline: <A, E>(
    append: InlineAppend<A, E>
  ) => Effect.Effect<A, E | InlinePoison | OtherVersionKept | ReadModelStoreError>
  readonly states: (
    name?: Projection.Name
  ) => Effect.Effect<ReadonlyArray<GenerationState>, ReadModelStoreError>
  readonly skipped: (
    name: Projection.Name
  ) => Effect.Effect<ReadonlyArray<Skipped>, ReadModelStoreError>
  readonly acts: (name: Projection.Name) => Effect.Effect<ReadonlyArray<Act>, ReadModelStoreError>
  readonly get: (
    table: AnyTable,
    key: StoredKey
  ) => Effect.Effect<Option.Option<StoredRow>, OtherVersionServes | ReadModelStoreError>
  readonly query: (
    table: AnyTable,
    query: RowQuery,
    generation?: number
  ) => Stream.Stream<StoredRow, OtherVersionServes | ReadModelStoreError>
  readonly differences: (
    table: AnyTable,
    generations: { readonly serving: number; readonly rebuilt: number }
  ) => Effect.Effect<Differences, ReadModelStoreError>
}
