import type { Any } from "@daybook/kernel/Projection"
import * as AddressChanges from "@daybook/order/AddressChanges"
import * as CustomerOrders from "@daybook/order/CustomerOrders"
import * as OrderSummary from "@daybook/order/OrderSummary"
import * as ProductDemand from "@daybook/order/ProductDemand"
import * as RemovedItems from "@daybook/order/RemovedItems"
import * as ReadModelTable from "@daybook/projections/driver/ReadModelTable"
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"

/** Returns the columns as SQL would declare them, then the keys. */
const tableOf = (projection: Any): ReadonlyArray<string> => {
  const { columns, indexes, primaryKey } = Result.getOrThrow(ReadModelTable.make(projection))
  const names = (all: typeof columns) => all.map(({ name }) => name).join(", ")
  return [
    ...columns.map(({ name, nullable, type }) => `${name} ${type}${nullable ? "" : " not null"}`),
    `primary key (${names(primaryKey)})`,
    ...indexes.map((index) => `index (${names(index)})`)
  ]
}

const figures = [
  "order_id text not null",
  "customer_id text not null",
  "status text not null",
  "currency text not null",
  "total_minor numeric not null",
  "item_count bigint not null",
  "has_address boolean not null",
  "lines jsonb not null",
  "created_at timestamptz not null"
]

const tables: ReadonlyArray<readonly [Any, ReadonlyArray<string>]> = [
  [
    OrderSummary.projection,
    [...figures, "updated_at timestamptz not null", "primary key (order_id)", "index (status)"]
  ],
  [
    CustomerOrders.projection,
    [
      ...figures,
      "confirmed_at timestamptz",
      "shipped_at timestamptz",
      "carrier text",
      "tracking text",
      "cancelled_at timestamptz",
      "cancel_reason text",
      "primary key (order_id)",
      "index (customer_id, created_at)"
    ]
  ],
  [
    ProductDemand.projection,
    [
      "product_id text not null",
      "currency text not null",
      "name text not null",
      "named_at timestamptz",
      "additions bigint not null",
      "units_added numeric not null",
      "value_added_minor numeric not null",
      "removals bigint not null",
      "units_removed numeric not null",
      "value_removed_minor numeric not null",
      "whole_removals bigint not null",
      "net_units numeric not null",
      "net_value_minor numeric not null",
      "first_at timestamptz not null",
      "last_at timestamptz not null",
      "primary key (product_id, currency)"
    ]
  ],
  [
    AddressChanges.projection,
    [
      "order_id text not null",
      "customer_id text not null",
      "changes bigint not null",
      "first_at timestamptz",
      "last_at timestamptz",
      "addresses jsonb not null",
      "primary key (order_id)",
      "index (customer_id)"
    ]
  ],
  [
    RemovedItems.projection,
    [
      "event_id uuid not null",
      "order_id text not null",
      "product_id text not null",
      "name text",
      "quantity bigint",
      "currency text",
      "unit_price_minor bigint",
      "reason text",
      "removed_at timestamptz not null",
      "removed_by text",
      "recorded_as text not null",
      "primary key (event_id)",
      "index (order_id)",
      "index (product_id)"
    ]
  ]
]

describe("The tables of an order's read models", () => {
  for (const [projection, table] of tables) {
    it(`have the columns that people query: ${projection.name}`, () => {
      assert.deepStrictEqual(tableOf(projection), table)
    })
  }
})
