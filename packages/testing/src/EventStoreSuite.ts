/**
 * The contract of event stores as a suite. Run it on your own store, as Daybook runs it on its own.
 *
 * **Example** (A test file of a store)
 *
 * ```ts test
 * import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
 * import * as EventStoreSuite from "@daybook/testing/EventStoreSuite"
 *
 * EventStoreSuite.suite("EventStoreMemory", EventStoreMemory.layer)
 * ```
 *
 * @since 0.1.0
 */
import type { EventStore } from "@daybook/store/EventStore"
import { layer } from "@effect/vitest"
import type * as Layer from "effect/Layer"
import { appendCases } from "./internal/eventStoreSuite/append.ts"
import { appendAllCases } from "./internal/eventStoreSuite/appendAll.ts"
import { backlogCases } from "./internal/eventStoreSuite/backlog.ts"
import { concurrencyCases } from "./internal/eventStoreSuite/concurrency.ts"
import { findCases } from "./internal/eventStoreSuite/find.ts"
import { followStreamCases } from "./internal/eventStoreSuite/followStream.ts"
import { jsonCases } from "./internal/eventStoreSuite/json.ts"
import { modelCases } from "./internal/eventStoreSuite/modelCases.ts"
import { originCases } from "./internal/eventStoreSuite/origin.ts"
import { positionAtCases } from "./internal/eventStoreSuite/positionAt.ts"
import { readCases } from "./internal/eventStoreSuite/read.ts"
import { readAllCases } from "./internal/eventStoreSuite/readAll.ts"
import { refusalCases } from "./internal/eventStoreSuite/refusal.ts"
import { repeatCases } from "./internal/eventStoreSuite/repeat.ts"
import { streamsCases } from "./internal/eventStoreSuite/streams.ts"
import { subscribeCases } from "./internal/eventStoreSuite/subscribe.ts"

/**
 * Registers the cases of every rule of `EventStore`, all on one store that `store` builds.
 *
 * **Details**
 * The store may hold events already, and others may append to it meanwhile.
 *
 * @category suites
 * @since 0.1.0
 */
export const suite = <E>(name: string, store: Layer.Layer<EventStore, E>): void => {
  // A database may have to be started, and its connections use the real clock.
  layer(store, { timeout: "2 minutes", excludeTestServices: true })(name, (it) => {
    appendCases(it)
    repeatCases(it)
    appendAllCases(it)
    refusalCases(it)
    jsonCases(it)
    readCases(it)
    readAllCases(it)
    subscribeCases(it)
    originCases(it)
    followStreamCases(it)
    backlogCases(it)
    streamsCases(it)
    positionAtCases(it)
    findCases(it)
    concurrencyCases(it)
    modelCases(it)
  })
}
