import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Order from "@daybook/order/Order"
import { EventStore } from "@daybook/store/EventStore"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as LegacyAudit from "../src/LegacyAudit.ts"
import * as LegacyHistory from "../src/LegacyHistory.ts"
import * as LegacyImport from "../src/LegacyImport.ts"
import { LegacyTable } from "../src/LegacyTable.ts"
import * as DemoShop from "../src/DemoShop.ts"
import * as Stores from "../src/Stores.ts"
import { legacyAndTell } from "./child.ts"
import { folder } from "./files.ts"

const TIMEOUT_MILLIS = 240_000

const stores: ReadonlyArray<Stores.Store> = [
  { _tag: "memory" },
  { _tag: "embedded", dataDir: undefined }
]

/** The rows that the log holds, in its order. */
const importedIds = Effect.gen(function* () {
  const store = yield* EventStore
  const events = yield* Stream.runCollect(store.readAll())
  return events.map(({ metadata }) => metadata.custom?.["legacyId"])
})

describe("LegacyImport", () => {
  for (const store of stores) {
    it.live(
      `ends with the state of the old fold for a table of 10,000 events, in ${Stores.describe(store)}`,
      () =>
        Effect.gen(function* () {
          const table = yield* LegacyTable
          const rows = yield* LegacyHistory.generate(10_000)
          assert.isTrue(yield* table.fill(rows))
          assert.isFalse(yield* table.fill(rows))
          assert.deepStrictEqual(yield* Stream.runCollect(table.rows), rows)

          const survey = yield* LegacyImport.survey(Order.aggregate, table.rows)
          assert.deepStrictEqual([survey.rows, survey.leftOut.size], [10_000, 0])
          assert.strictEqual(survey.remarks.count, 0)
          const first = yield* LegacyImport.run(Order.aggregate, survey, table.rows)
          assert.strictEqual(first.recorded, 10_000)
          const again = yield* LegacyImport.run(Order.aggregate, survey, table.rows)
          assert.deepStrictEqual([again.recorded, again.known], [0, 10_000])

          const audit = yield* LegacyAudit.run(table.rows, survey.orders)
          assert.isAbove(audit.orders, 1_000)
          assert.strictEqual(audit.same, audit.orders)
          for (const { count } of [audit.miscounted, audit.unnoticed, audit.changed]) {
            assert.isAbove(count, 100)
          }
          assert.deepStrictEqual(
            yield* importedIds,
            rows.map(({ id }) => id.toString())
          )
        }).pipe(Effect.provide(DemoShop.layerLegacy(store))),
      TIMEOUT_MILLIS
    )
  }

  it.live(
    "completes what was killed",
    () =>
      Effect.gen(function* () {
        const dataDir = yield* folder
        const killed = yield* legacyAndTell([dataDir, "1500"], {
          kill: { when: (stdout) => stdout.includes("500 rows"), signal: "SIGKILL" }
        })
        assert.strictEqual(killed.status, null)
        const rows = yield* LegacyHistory.generate(1_500)
        yield* Effect.gen(function* () {
          const table = yield* LegacyTable
          const survey = yield* LegacyImport.survey(Order.aggregate, table.rows)
          const { known, recorded } = yield* LegacyImport.run(Order.aggregate, survey, table.rows)
          assert.isAtLeast(known, 500)
          assert.strictEqual(known + recorded, 1_500)
          assert.deepStrictEqual(
            yield* importedIds,
            rows.map(({ id }) => id.toString())
          )
        }).pipe(Effect.provide(DemoShop.layerLegacy({ _tag: "embedded", dataDir })))
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)),
    TIMEOUT_MILLIS
  )
})
