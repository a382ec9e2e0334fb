/**
 * The figures of the shop's read models in SQL: read models are tables that any SQL client can
 * query.
 *
 * @since 0.1.0
 */
import { ReadModelSchema } from "@daybook/projections/ReadModelSchema"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { ReadModelFigures, ReadModelsUnread, SHOWN } from "./ReadModelFigures.ts"

/** A sum, which comes as text because it may be past 2^53. */
const sum = Schema.BigIntFromString

const StatusSum = Schema.Struct({
  status: Schema.Literals(["draft", "confirmed", "shipped", "cancelled"]),
  currency: Schema.String,
  orders: Schema.Int,
  units: sum,
  totalMinor: sum
})

const CustomerSum = Schema.Struct({
  customerId: Schema.String,
  currency: Schema.String,
  orders: Schema.Int,
  cancelled: Schema.Int,
  revenueMinor: sum,
  lastOrderAt: Schema.DateTimeUtcFromMillis
})

const ProductSum = Schema.Struct({
  productId: Schema.String,
  currency: Schema.String,
  name: Schema.String,
  unitsAdded: sum,
  unitsRemoved: sum,
  unitsConfirmed: sum
})

const Demand = Schema.Struct({
  known: Schema.Int,
  unitsAdded: sum,
  unitsRemoved: sum,
  wholeRemovals: Schema.Int
})

const Customers = Schema.Struct({ known: Schema.Int })
const Addresses = Schema.Struct({ orders: Schema.Int, changes: Schema.Int })
const Restless = Schema.Struct({ customerId: Schema.String, changes: Schema.Int })
const Removals = Schema.Struct({ times: Schema.Int })
const RemovalSum = Schema.Struct({
  reason: Schema.NullOr(Schema.String),
  times: Schema.Int,
  units: Schema.NullOr(sum)
})

/**
 * Reads the figures in SQL, on the current client and the current `ReadModelSchema`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<ReadModelFigures, never, SqlClient> = Layer.effect(
  ReadModelFigures,
  Effect.gen(function* () {
    const sql = (yield* SqlClient).withoutTransforms()
    const schema = yield* ReadModelSchema
    const summary = sql(`${schema}.order_summary`)
    const customerOrders = sql(`${schema}.customer_orders`)
    const demand = sql(`${schema}.product_demand`)
    const addressChanges = sql(`${schema}.address_changes`)
    const removedItems = sql(`${schema}.removed_items`)

    const orders = rows(
      StatusSum,
      sql`
        SELECT status, currency, count(*)::integer AS orders, sum(item_count)::text AS units,
          sum(total_minor)::text AS "totalMinor"
        FROM ${summary} GROUP BY status, currency
        ORDER BY status COLLATE "C", currency COLLATE "C"`
    )
    const customers = one(
      Customers,
      sql`SELECT count(DISTINCT customer_id)::integer AS known FROM ${customerOrders}`
    )
    const best = rows(
      CustomerSum,
      sql`
        SELECT customer_id AS "customerId", currency, orders, cancelled, revenue::text AS "revenueMinor",
          (extract(epoch FROM last_order_at) * 1000)::float8 AS "lastOrderAt"
        FROM (
          SELECT customer_id, currency, count(*)::integer AS orders,
            count(*) FILTER (WHERE status = 'cancelled')::integer AS cancelled,
            coalesce(sum(total_minor) FILTER (WHERE status IN ('confirmed', 'shipped')), 0) AS revenue,
            max(created_at) AS last_order_at
          FROM ${customerOrders} GROUP BY customer_id, currency
        ) AS customer
        ORDER BY revenue DESC, customer_id COLLATE "C", currency COLLATE "C" LIMIT ${SHOWN}`
    )
    const products = one(
      Demand,
      sql`
        SELECT count(DISTINCT product_id)::integer AS known,
          coalesce(sum(units_added), 0)::text AS "unitsAdded",
          coalesce(sum(units_removed), 0)::text AS "unitsRemoved",
          coalesce(sum(whole_removals), 0)::integer AS "wholeRemovals"
        FROM ${demand}`
    )
    const wanted = rows(
      ProductSum,
      sql`
        WITH wanted AS (
          SELECT * FROM ${demand}
          ORDER BY units_added DESC, product_id COLLATE "C", currency COLLATE "C" LIMIT ${SHOWN}
        ), bought AS (
          SELECT line->>0 AS product_id, currency, sum((line->>2)::bigint) AS units
          FROM ${summary} CROSS JOIN jsonb_array_elements(lines) AS line
          WHERE status IN ('confirmed', 'shipped') GROUP BY line->>0, currency
        )
        SELECT product_id AS "productId", currency, name, units_added::text AS "unitsAdded",
          units_removed::text AS "unitsRemoved", coalesce(units, 0)::text AS "unitsConfirmed"
        FROM wanted LEFT JOIN bought USING (product_id, currency)
        ORDER BY units_added DESC, product_id COLLATE "C", currency COLLATE "C"`
    )
    const addresses = one(
      Addresses,
      sql`
        SELECT count(first_at)::integer AS orders, coalesce(sum(changes), 0)::integer AS changes
        FROM ${addressChanges}`
    )
    const restless = rows(
      Restless,
      sql`
        SELECT customer_id AS "customerId", sum(changes)::integer AS changes
        FROM ${addressChanges} GROUP BY customer_id HAVING sum(changes) > 0
        ORDER BY sum(changes) DESC, customer_id COLLATE "C" LIMIT ${SHOWN}`
    )
    const removals = one(Removals, sql`SELECT count(*)::integer AS times FROM ${removedItems}`)
    const reasons = rows(
      RemovalSum,
      sql`
        SELECT reason, count(*)::integer AS times, sum(quantity)::text AS units
        FROM ${removedItems} GROUP BY reason
        ORDER BY count(*) DESC, reason COLLATE "C" NULLS FIRST LIMIT ${SHOWN}`
    )

    const read = Effect.gen(function* () {
      return {
        orders: yield* orders,
        customers: { ...(yield* customers), best: yield* best },
        products: { ...(yield* products), wanted: yield* wanted },
        addresses: { ...(yield* addresses), restless: yield* restless },
        removals: { ...(yield* removals), reasons: yield* reasons }
      }
    }).pipe(Effect.mapError((cause) => new ReadModelsUnread({ cause })))
    return ReadModelFigures.of({ how: `read in SQL from the schema ${schema}`, read })
  })
)

const rows = <A>(
  schema: Schema.Codec<A, unknown>,
  statement: Effect.Effect<ReadonlyArray<unknown>, SqlError>
) => Effect.flatMap(statement, Schema.decodeUnknownEffect(Schema.Array(schema)))

/** Decodes the result of an aggregate query, which always returns one row. */
const one = <A>(
  schema: Schema.Codec<A, unknown>,
  statement: Effect.Effect<ReadonlyArray<unknown>, SqlError>
) => Effect.flatMap(statement, ([row]) => Schema.decodeUnknownEffect(schema)(row))
