/**
 * The problems of the errors of stores.
 */
import type { EventDecodeError } from "@daybook/kernel/EventCodec"
import {
  Busy,
  type Malformed,
  malformed,
  NotPossible,
  passing,
  type Unavailable,
  unavailable,
  Unknown
} from "@daybook/http/Problem"
import type { NoSingleStream, OnDemandError } from "@daybook/projections/OnDemandProjection"
import type { RunnerError } from "@daybook/projections/Projections"
import type { OtherVersionServes } from "@daybook/projections/ReadModelError"
import type { FoldTooLong } from "./foldedTables.ts"
import type { InvalidStreamId } from "@daybook/kernel/StreamId"
import type { EventStoreError, InvalidReadOption } from "@daybook/store/EventStore"
import type { Overloaded } from "@daybook/store/Overloaded"
import * as Effect from "effect/Effect"

type StoreError =
  | EventStoreError
  | InvalidReadOption
  | InvalidStreamId
  | Overloaded
  | EventDecodeError

/** The message of an undecodable event may quote it: only a caller who sees events gets it. */
export const ofStoreError =
  (shown: boolean) =>
  (error: StoreError): Effect.Effect<never, Malformed | Busy | NotPossible | Unavailable> => {
    switch (error._tag) {
      case "EventStoreError":
        return unavailable(error)
      case "Overloaded":
        return passing(new Busy())
      case "EventDecodeError":
        return Effect.fail(
          new NotPossible({
            detail: shown
              ? error.message
              : `The event at revision ${error.revision} can't be decoded`
          })
        )
      case "InvalidReadOption":
        return Effect.fail(malformed(["query"], error.message))
      case "InvalidStreamId":
        return Effect.fail(malformed(["params", "streamId"], error.issue))
    }
  }

type ModelError = OnDemandError | NoSingleStream | OtherVersionServes | RunnerError | FoldTooLong

/** The message of an event that can't be folded may quote it. */
export const ofModelError =
  (shown: boolean) =>
  (error: ModelError): Effect.Effect<never, Unknown | NotPossible | Unavailable> => {
    switch (error._tag) {
      case "EventStoreError":
      case "ReadModelStoreError":
        return unavailable(error)
      case "UnknownProjection":
        return Effect.fail(new Unknown({ detail: error.message }))
      case "FoldTooLong":
        return Effect.fail(
          new NotPossible({ detail: `The fold ended at its limit, after ${error.events} events` })
        )
      case "ProjectionStopped":
        return Effect.fail(
          new NotPossible({
            detail: shown
              ? error.message
              : `The event at position ${error.poison.position} can't be folded`
          })
        )
      default:
        return Effect.fail(new NotPossible({ detail: error.message }))
    }
  }
