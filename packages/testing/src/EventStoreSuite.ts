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
import { appendCases } from "./internal/contracts/eventStore/append.ts"
import { appendAllCases } from "./internal/contracts/eventStore/appendAll.ts"
import { backlogCases } from "./internal/contracts/eventStore/backlog.ts"
import { concurrencyCases } from "./internal/contracts/eventStore/concurrency.ts"
import { findCases } from "./internal/contracts/eventStore/find.ts"
import { followStreamCases } from "./internal/contracts/eventStore/followStream.ts"
import { jsonCases } from "./internal/contracts/eventStore/json.ts"
import { modelCases } from "./internal/contracts/eventStore/modelCases.ts"
import { originCases } from "./internal/contracts/eventStore/origin.ts"
import { positionAtCases } from "./internal/contracts/eventStore/positionAt.ts"
import { readCases } from "./internal/contracts/eventStore/read.ts"
import { readAllCases } from "./internal/contracts/eventStore/readAll.ts"
import { refusalCases } from "./internal/contracts/eventStore/refusal.ts"
import { repeatCases } from "./internal/contracts/eventStore/repeat.ts"
import { streamsCases } from "./internal/contracts/eventStore/streams.ts"
import { subscribeCases } from "./internal/contracts/eventStore/subscribe.ts"

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
