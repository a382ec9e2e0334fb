import * as OrderSummary from "@daybook/order/OrderSummary"
import * as ReadModelTable from "@daybook/projections/driver/ReadModelTable"
import type { RowQuery } from "@daybook/projections/driver/RowQuery"
import { selectRows } from "@daybook/projections/driver/RowSelection"
import type { StoredRow } from "@daybook/projections/driver/StoredRow"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import { difference, selectPage } from "../src/internal/tablePages.ts"

const table = Result.getOrThrow(ReadModelTable.make(OrderSummary.projection))

/** Rows whose order by count is not that of their keys. */
const rowsOf = (count: number, items = (place: number) => (place * 7_919) % 1_000) =>
  new Map(
    Array.from({ length: count }, (_, place): [string, StoredRow] => {
      const orderId = `o${String((place * 104_729) % count).padStart(6, "0")}`
      const row = {
        orderId,
        itemCount: items(place),
        status: place % 2 === 0 ? "draft" : "shipped"
      }
      return [table.keyText(row), row]
    })
  )

const query: RowQuery = {
  where: [{ field: "status", is: "equal", values: ["draft"] }],
  orderBy: [{ field: "itemCount", direction: "desc" }],
  after: Option.none(),
  limit: Option.some(50)
}

/** Counts the turns of the event loop while an effect runs. */
const turnsDuring = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.gen(function* () {
    let turns = 0
    let isOver = false
    const turn = () => {
      turns += 1
      if (!isOver) setImmediate(turn)
    }
    setImmediate(turn)
    const value = yield* effect
    isOver = true
    return { turns, value }
  })

describe("a large table in memory", () => {
  it.live("is selected as a whole sort selects it, in turns with other work", () =>
    Effect.gen(function* () {
      const rows = rowsOf(20_000)
      const all = selectRows(table, rows.values(), { ...query, limit: Option.none() })
      const { turns, value } = yield* turnsDuring(selectPage(table, rows, query))
      assert.deepStrictEqual(value.page, all.slice(0, 50))
      assert.strictEqual(value.count, all.length)
      assert.isAtLeast(turns, 10)
      const after = Option.fromUndefinedOr(all[49])
      const next = yield* selectPage(table, rows, { ...query, after })
      assert.deepStrictEqual(next.page, all.slice(50, 100))
      assert.strictEqual(next.count, all.length)
    })
  )

  it.live("is compared in turns with other work", () =>
    Effect.gen(function* () {
      const before = rowsOf(20_000)
      const after = rowsOf(
        20_000,
        (place) => ((place * 7_919) % 1_000) + (place % 10 === 0 ? 1 : 0)
      )
      const [gone] = after.keys()
      after.delete(gone ?? "")
      const added = { orderId: "z", itemCount: 1, status: "draft" }
      after.set(table.keyText(added), added)
      const { turns, value } = yield* turnsDuring(difference(before, after))
      assert.deepStrictEqual([value.added, value.removed, value.changed], [1, 1, 1_999])
      assert.lengthOf(value.rows, 500)
      assert.deepStrictEqual(
        value.rows.map(({ key }) => key),
        value.rows.map(({ key }) => key).toSorted()
      )
      assert.strictEqual(value.rows[0]?.key, gone)
      assert.isAtLeast(turns, 10)
    })
  )
})
