/**
 * The problems of the errors of operating read models and consumer groups.
 *
 * @since 0.1.0
 */
import type { RebuildError, RunnerError } from "@daybook/projections/Projections"
import type {
  AlreadyFolded,
  InvalidSkipReason,
  InvalidWhy,
  NoEventToSkip
} from "@daybook/projections/ReadModelError"
import type {
  ConsumerGroupsError,
  GroupOffHistory,
  GroupRuns,
  KeyNotHeld,
  UnknownGroup
} from "@daybook/reactors/ConsumerGroup"
import * as Effect from "effect/Effect"
import {
  type Malformed,
  malformed,
  NotPossible,
  type Unavailable,
  unavailable,
  Unknown
} from "./Problem.ts"

/**
 * The errors of the status of read models and consumer groups, and of acts on them.
 *
 * @category errors
 * @since 0.1.0
 */
export type OperationError =
  | RunnerError
  | RebuildError
  | InvalidWhy
  | InvalidSkipReason
  | NoEventToSkip
  | AlreadyFolded
  | UnknownGroup
  | KeyNotHeld
  | GroupOffHistory
  | GroupRuns
  | ConsumerGroupsError

/**
 * Fails with the problem of an error.
 *
 * **Details**
 * An unknown name is `Unknown`, a refused reason `Malformed` at `payload.reason`, a failure of a
 * store `Unavailable`; all else does not fit the state of the read model or the group, and is
 * `NotPossible`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const of = (
  error: OperationError
): Effect.Effect<never, Unknown | Malformed | NotPossible | Unavailable> => {
  switch (error._tag) {
    case "UnknownProjection":
    case "UnknownGroup":
      return Effect.fail(new Unknown({ detail: error.message }))
    case "InvalidWhy":
    case "InvalidSkipReason":
      return Effect.fail(malformed(["payload", "reason"], error.message))
    case "EventStoreError":
    case "ReadModelStoreError":
    case "ConsumerGroupsError":
      return unavailable(error)
    default:
      return Effect.fail(new NotPossible({ detail: error.message }))
  }
}
