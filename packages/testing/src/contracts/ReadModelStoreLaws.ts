/**
 * The contract of read-model stores as laws. Run it on your own store, as Daybook runs it on its
 * own.
 *
 * **Example** (A test file of a store)
 *
 * ```ts test
 * import * as ReadModelStoreMemory from "@daybook/projections/ReadModelStoreMemory"
 * import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
 * import * as LawSuite from "@daybook/testing/LawSuite"
 * import * as ReadModelStoreLaws from "@daybook/testing/contracts/ReadModelStoreLaws"
 * import { Layer } from "effect"
 * import { TestClock } from "effect/testing"
 *
 * const stores = Layer.mergeAll(EventStoreMemory.layer, ReadModelStoreMemory.layer, TestClock.layer())
 *
 * const laws = ReadModelStoreLaws.laws({
 *   runOut: ({ lease }) => TestClock.adjust(lease) // leases here last by this clock
 * })
 *
 * LawSuite.suite("ReadModelStoreMemory", laws, stores)
 * ```
 *
 * @since 0.1.0
 */
import type { Claim } from "@daybook/projections/driver/ReadModelGeneration"
import type { ReadModelStore } from "@daybook/projections/ReadModelStore"
import type { EventStore } from "@daybook/store/EventStore"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { type Cases, lawsBySubject } from "../internal/contracts/cases.ts"
import { advanceCases } from "../internal/contracts/readModelStore/advance.ts"
import { callCases } from "../internal/contracts/readModelStore/calls.ts"
import { claimCases } from "../internal/contracts/readModelStore/claim.ts"
import { actCases } from "../internal/contracts/readModelStore/acts.ts"
import { dropCases } from "../internal/contracts/readModelStore/drop.ts"
import { Leases } from "../internal/contracts/readModelStore/fixture.ts"
import { makeInlineCases } from "../internal/contracts/readModelStore/makeInline.ts"
import { inlineCases } from "../internal/contracts/readModelStore/inline.ts"
import { largeCases } from "../internal/contracts/readModelStore/large.ts"
import { openCases } from "../internal/contracts/readModelStore/open.ts"
import { originCases } from "../internal/contracts/readModelStore/origin.ts"
import { queryCases } from "../internal/contracts/readModelStore/query.ts"
import { rowCases } from "../internal/contracts/readModelStore/rows.ts"
import { skipCases } from "../internal/contracts/readModelStore/skip.ts"
import { stepCases } from "../internal/contracts/readModelStore/step.ts"
import { stopCases } from "../internal/contracts/readModelStore/stop.ts"
import { switchCases } from "../internal/contracts/readModelStore/switch.ts"
import * as Law from "../Law.ts"

/**
 * The means to end leases without waiting for them.
 *
 * **Details**
 * `R`: the services that this takes beside the two stores; they must be in the same layer.
 * @category types
 * @since 0.1.0
 */
export interface Options<out R> {
  /**
   * Lets the lease of a claim run out by the clock of the store, and possibly other leases. Nothing
   * else may change.
   */
  readonly runOut: (claim: Claim) => Effect.Effect<void, unknown, R>
}

/**
 * A law for each rule of `ReadModelStore`.
 *
 * **Details**
 * The event store must take part in the appends of the read-model store. Each law uses fresh read
 * models, so both may hold other things, and others may use them meanwhile.
 *
 * @category laws
 * @since 0.1.0
 */
export const laws = <R = never>(
  options: Options<R>
): ReadonlyArray<Law.Law<EventStore | ReadModelStore | R>> => {
  const leases = Layer.effect(
    Leases,
    Effect.map(Effect.context<R>(), (context) => ({
      runOut: (claim: Claim) => Effect.provide(options.runOut(claim), context)
    }))
  )
  return lawsBySubject(cases).map((law) => Law.provide(law, leases))
}

const cases: Readonly<Record<string, Cases<EventStore | ReadModelStore | Leases>>> = {
  "opening a read model": openCases,
  "a claim": claimCases,
  "a step": stepCases,
  "the write of a step": advanceCases,
  "a read model": stopCases,
  "skipping an event": skipCases,
  rows: rowCases,
  "a large row": largeCases,
  "a query": queryCases,
  "a switch": switchCases,
  "a drop": dropCases,
  "the record of acts": actCases,
  "an inline append": inlineCases,
  "making inline": makeInlineCases,
  "an origin": originCases,
  "calls in turn": callCases
}
