/**
 * False snapshots that a writer puts into the table by SQL, as `docs/guide/least-privilege.md`
 * allows.
 */
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as SnapshotStorePostgres from "@daybook/store/SnapshotStorePostgres"
import { layer } from "@effect/vitest"
import * as Layer from "effect/Layer"
import { Logins } from "./roleLogins.ts"
import { bySql, snapshotCheckCases } from "./snapshotCheckCases.ts"

const asWriter = Layer.merge(EventStorePostgres.layer, SnapshotStorePostgres.layer).pipe(
  Layer.provideMerge(Logins.layerWriter)
)

layer(asWriter, { timeout: 60_000, excludeTestServices: true })("As the writer", (it) => {
  snapshotCheckCases(it, bySql, 2)
})
