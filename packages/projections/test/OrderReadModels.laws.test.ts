import type * as Projection from "@daybook/kernel/Projection"
import * as ReadModelStoreMemory from "@daybook/projections/ReadModelStoreMemory"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import * as OrderSummary from "@daybook/order/OrderSummary"
import { assert, describe, it } from "@effect/vitest"
import * as Layer from "effect/Layer"
import { assertKept } from "./orderCommands.ts"

const memory = () => Layer.merge(EventStoreMemory.layer, ReadModelStoreMemory.layer)

const twin = (
  change: (
    row: OrderSummary.OrderSummary,
    before: OrderSummary.OrderSummary | undefined
  ) => OrderSummary.OrderSummary
): Projection.Any => {
  const right = OrderSummary.projection
  const broken: typeof right = {
    ...right,
    keys: (event, recorded) => right.keys(event, recorded),
    apply: (row, event, applied) => {
      const after = right.apply(row, event, applied)
      return after === undefined || after === row ? after : change(after, row)
    }
  }
  return broken
}

const isCaught = async (projection: Projection.Any) => {
  const failure = await assertKept(memory, {
    runs: 100,
    lease: "40 millis",
    projections: [projection]
  }).then(
    () => undefined,
    (error: unknown) => String(error)
  )
  assert.include(failure, "seed", "a failure tells how to replay it")
}

describe("The read models of orders", () => {
  it("are what the accepted commands come to, whatever happens to their hosts", () =>
    assertKept(memory, { runs: 25, lease: "40 millis" }))

  it("are caught when a removal counts one item", () =>
    isCaught(
      twin((row, before) =>
        before !== undefined && row.itemCount < before.itemCount
          ? { ...row, itemCount: before.itemCount - 1 }
          : row
      )
    ))

  it("are caught when a cancellation is forgotten", () =>
    isCaught(twin((row) => (row.status === "cancelled" ? { ...row, status: "confirmed" } : row))))
})
