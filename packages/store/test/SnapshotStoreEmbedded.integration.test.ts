import * as LawSuite from "@daybook/testing/LawSuite"
import * as SnapshotStoreLaws from "@daybook/testing/contracts/SnapshotStoreLaws"
import { layer } from "@effect/vitest"
import { commandStreamCases } from "./commandStreamCases.ts"
import { expectedRevisionCases } from "./expectedRevisionCases.ts"
import { embedded } from "./postgresLayers.ts"
import { snapshotCases } from "./snapshotCases.ts"
import { bySql, snapshotCheckCases } from "./snapshotCheckCases.ts"
import { snapshotTableCases } from "./snapshotTableCases.ts"
import { stateCacheCases } from "./stateCacheCases.ts"

LawSuite.suite("SnapshotStorePostgres embedded", SnapshotStoreLaws.laws, embedded)

layer(embedded, { timeout: 60_000, excludeTestServices: true })("Embedded", (it) => {
  snapshotCases(it, 6)
  snapshotCheckCases(it, bySql, 3)
  stateCacheCases(it)
  expectedRevisionCases(it)
  commandStreamCases(it)
  snapshotTableCases(it)
})
