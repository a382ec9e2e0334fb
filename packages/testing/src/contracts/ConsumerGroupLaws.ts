/**
 * The contract of consumer groups as laws. Run it on your own store, as Daybook runs it on its own.
 *
 * **Example** (A test file of a store)
 *
 * ```ts test
 * import * as ConsumerGroupsMemory from "@daybook/reactors/ConsumerGroupsMemory"
 * import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
 * import * as LawSuite from "@daybook/testing/LawSuite"
 * import * as ConsumerGroupLaws from "@daybook/testing/contracts/ConsumerGroupLaws"
 * import { Layer } from "effect"
 *
 * const stores = ConsumerGroupsMemory.layer.pipe(Layer.provideMerge(EventStoreMemory.layer))
 *
 * LawSuite.suite("ConsumerGroupsMemory", ConsumerGroupLaws.laws, stores)
 * ```
 *
 * @since 0.1.0
 */
import type { ConsumerGroups } from "@daybook/reactors/ConsumerGroups"
import type { EventStore } from "@daybook/store/EventStore"
import { lawsBySubject } from "../internal/contracts/cases.ts"
import { commitCases, heldCases } from "../internal/contracts/consumerGroups/commits.ts"
import { hostCases } from "../internal/contracts/consumerGroups/hosts.ts"
import type { Law } from "../Law.ts"

/**
 * A law for each rule of `ConsumerGroups`.
 *
 * **Details**
 * The event store must take part in the transactions of the groups. Each law uses fresh groups and
 * categories, so both may hold other things, and others may use them meanwhile.
 *
 * @category laws
 * @since 0.1.0
 */
export const laws: ReadonlyArray<Law<ConsumerGroups | EventStore>> = lawsBySubject({
  "a group": hostCases,
  "a commit": commitCases,
  "a held key": heldCases
})
