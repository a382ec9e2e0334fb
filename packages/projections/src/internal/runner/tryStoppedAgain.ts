/**
 * Retries the events that stopped a host's read models when the host starts.
 */
import type { EventStoreError } from "@daybook/store/EventStore"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { ReadModelStoreError } from "../../ReadModelError.ts"
import type { Claim, Poison } from "../../driver/ReadModelGeneration.ts"
import { mismatch } from "./history.ts"
import type { AnyModel } from "../fold/rowFold.ts"
import type { Runner } from "./runner.ts"

interface Tried {
  readonly claim: Claim
  readonly poison: Poison
}

/**
 * Claims the stopped generations, since the code of this host may fold the event. The claim and the
 * end of the stop are one step: an old host that got the generation would only stop it again.
 *
 * When the start fails, the claimed generations are stopped as before: nothing was tried. Rows of
 * another history are left alone.
 */
export const tryStoppedAgain = Effect.fnUntraced(function* (
  runner: Runner,
  models: Iterable<AnyModel>
): Effect.fn.Return<void, EventStoreError | ReadModelStoreError> {
  const { events, lease, owner, stops, store } = runner
  const tried: Array<Tried> = []
  const claimed = Effect.fnUntraced(function* ({ table }: AnyModel) {
    for (const state of yield* store.states(table.name)) {
      if (state.role === "retired" || state.version !== table.version) continue
      const poison = yield* stops.toTry(state, "at start")
      if (poison === undefined || (yield* mismatch(events, state)) !== undefined) continue
      const claim = yield* store.claim(state, owner, lease, poison)
      if (Option.isNone(claim)) continue
      tried.push({ claim: claim.value, poison })
      yield* stops.tries(table.name, poison)
    }
  })
  yield* Effect.forEach(models, claimed, { discard: true }).pipe(
    Effect.onError(() =>
      Effect.forEach(tried, ({ claim, poison }) => Effect.ignore(store.stop(claim, poison)), {
        discard: true
      })
    )
  )
})
