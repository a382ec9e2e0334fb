/**
 * The contract of event stores as laws. Run it on your own store, as Daybook runs it on its own.
 *
 * Broken stores beside the tests of Daybook's own show what these laws catch: a store that checks
 * and writes in two steps, writes or shows a part of an append, lets an event appear below a
 * position that was read, loses events where a subscriber goes live, or changes JSON on the way.
 *
 * **Example** (A test file of a store)
 *
 * ```ts test
 * import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
 * import * as EventStoreLaws from "@daybook/testing/contracts/EventStoreLaws"
 * import * as LawSuite from "@daybook/testing/LawSuite"
 *
 * LawSuite.suite("EventStoreMemory", EventStoreLaws.laws, EventStoreMemory.layer)
 * ```
 *
 * @since 0.1.0
 */
import type { EventStore } from "@daybook/store/EventStore"
import { lawsBySubject } from "../internal/contracts/cases.ts"
import { anyCalls } from "../internal/contracts/eventStore/anyCalls.ts"
import * as Append from "../internal/contracts/eventStore/append.ts"
import { appendAllCases } from "../internal/contracts/eventStore/appendAll.ts"
import { backlogCases } from "../internal/contracts/eventStore/backlog.ts"
import { concurrencyCases } from "../internal/contracts/eventStore/concurrency.ts"
import { findCases } from "../internal/contracts/eventStore/find.ts"
import * as FollowStream from "../internal/contracts/eventStore/followStream.ts"
import { jsonCases } from "../internal/contracts/eventStore/json.ts"
import { originCases } from "../internal/contracts/eventStore/origin.ts"
import * as PositionAt from "../internal/contracts/eventStore/positionAt.ts"
import * as Read from "../internal/contracts/eventStore/read.ts"
import { readAllCases } from "../internal/contracts/eventStore/readAll.ts"
import { readerCases } from "../internal/contracts/eventStore/readers.ts"
import { recordedAtCases } from "../internal/contracts/eventStore/recordedAt.ts"
import { refusalCases } from "../internal/contracts/eventStore/refusal.ts"
import * as Repeat from "../internal/contracts/eventStore/repeat.ts"
import { streamsCases } from "../internal/contracts/eventStore/streams.ts"
import { subscribeCases } from "../internal/contracts/eventStore/subscribe.ts"
import type { Law } from "../Law.ts"

/**
 * A law for each rule of `EventStore`.
 *
 * **Details**
 * Each uses fresh streams, so the store may hold events already, and others may append to it
 * meanwhile.
 *
 * @category laws
 * @since 0.1.0
 */
export const laws: ReadonlyArray<Law<EventStore>> = [
  ...lawsBySubject({
    append: Append.appendCases,
    "expected revision": Append.expectedRevisionCases,
    "events in between": Append.betweenCases,
    occurredAt: Append.occurredAtCases,
    "an append that is repeated": Repeat.repeatCases,
    "an append of recorded events that repeats no append": Repeat.partialCases,
    "an append with ids that are taken": Repeat.takenIdCases,
    appendAll: appendAllCases,
    refusal: refusalCases,
    JSON: jsonCases,
    read: Read.readCases,
    "read until an instant": Read.readUntilCases,
    readAll: readAllCases,
    subscribe: subscribeCases,
    origin: originCases,
    "subscribe to a stream": FollowStream.followStreamCases,
    "read events of a stream by type": FollowStream.readByTypeCases,
    backlog: backlogCases,
    streams: streamsCases,
    head: PositionAt.headCases,
    positionAt: PositionAt.positionAtCases,
    find: findCases,
    "appends in parallel": concurrencyCases,
    "readers while others append": readerCases,
    "times of appends": recordedAtCases
  }),
  anyCalls
]
