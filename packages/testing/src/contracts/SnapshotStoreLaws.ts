/**
 * The contract of snapshot stores as laws. Run it on your own store, as Daybook runs it on its own.
 *
 * **Example** (A test file of a store)
 *
 * ```ts test
 * import * as SnapshotStoreMemory from "@daybook/store/SnapshotStoreMemory"
 * import * as LawSuite from "@daybook/testing/LawSuite"
 * import * as SnapshotStoreLaws from "@daybook/testing/contracts/SnapshotStoreLaws"
 *
 * LawSuite.suite("SnapshotStoreMemory", SnapshotStoreLaws.laws, SnapshotStoreMemory.layer)
 * ```
 *
 * @since 0.1.0
 */
import type { SnapshotStore } from "@daybook/store/SnapshotStore"
import { lawsOf } from "../internal/contracts/cases.ts"
import { snapshotStoreCases } from "../internal/contracts/snapshotStore.ts"
import type { Law } from "../Law.ts"

/**
 * A law for each rule of `SnapshotStore`.
 *
 * **Details**
 * Each uses fresh streams, so the store may hold snapshots of other streams already.
 *
 * @category laws
 * @since 0.1.0
 */
export const laws: ReadonlyArray<Law<SnapshotStore>> = lawsOf(snapshotStoreCases)
