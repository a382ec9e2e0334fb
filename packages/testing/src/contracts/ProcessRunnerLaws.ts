/**
 * The contract of running processes as laws, on any stores.
 *
 * **Example** (A test file of a store)
 *
 * ```ts test
 * import * as ConsumerGroupsMemory from "@daybook/reactors/ConsumerGroupsMemory"
 * import * as ProcessTimersMemory from "@daybook/reactors/ProcessTimersMemory"
 * import { CommandHandler } from "@daybook/store/CommandHandler"
 * import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
 * import * as LawSuite from "@daybook/testing/LawSuite"
 * import * as ProcessRunnerLaws from "@daybook/testing/contracts/ProcessRunnerLaws"
 * import { Layer } from "effect"
 *
 * const stores = Layer.mergeAll(
 *   ConsumerGroupsMemory.layer,
 *   ProcessTimersMemory.layer,
 *   CommandHandler.layer
 * ).pipe(Layer.provideMerge(EventStoreMemory.layer))
 *
 * LawSuite.suite("processes in memory", ProcessRunnerLaws.laws, stores)
 * ```
 *
 * @since 0.1.0
 */
import { lawsBySubject } from "../internal/contracts/cases.ts"
import { clockCases } from "../internal/contracts/processes/clock.ts"
import type { Services } from "../internal/contracts/processes/fixture.ts"
import { stepCases } from "../internal/contracts/processes/steps.ts"
import { timerCases, timerStoreCases } from "../internal/contracts/processes/timers.ts"
import type { Law } from "../Law.ts"

/**
 * A law for each rule of `ProcessRunner` and `ProcessTimers`.
 *
 * **Details**
 * Each law uses fresh names and categories, so the stores may hold other things, and others may use
 * them meanwhile.
 *
 * @category laws
 * @since 0.1.0
 */
export const laws: ReadonlyArray<Law<Services>> = lawsBySubject({
  "a process": stepCases,
  "a timer": timerCases,
  "a clock": clockCases,
  "the store of timers": timerStoreCases
})
