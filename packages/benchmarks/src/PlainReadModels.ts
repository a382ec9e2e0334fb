/**
 * Read models without a library: with a statement for each event, with hand-written batches, and
 * with one SQL statement.
 */
import * as PgTypes from "@effect/sql-pg/PgTypes"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { SqlClient } from "effect/sql/SqlClient"
import type { Contender } from "./Appender.ts"

/** A contender that fills a table from the log. */
export interface CatchUp extends Contender {
  /** Fills a new table, for at most `seconds`, and returns the number of events folded. */
  readonly catchUp: (seconds: number) => Effect.Effect<number>
}

/** A row of a page, with the data as text, since parsing is the reader's work. */
interface PlainRow {
  readonly position: bigint
  readonly stream_id: string
  readonly type: string
  readonly data: string
}

const page = (sql: SqlClient, after: bigint, rows: number) =>
  sql<PlainRow>`
    SELECT position, stream_id, type, data::text AS data FROM daybook.events
    WHERE position > ${PgTypes.int8(after)} ORDER BY position LIMIT ${PgTypes.int4(rows)}`

/** The fields of the benchmark's events; fields of the other type are absent. */
interface Parsed {
  readonly customerId: string
  readonly currency: string
  readonly quantity: number
  readonly unitPrice: { readonly minor: number }
}

const parse = (data: string) => JSON.parse(data) as Parsed

/**
 * Creates the table of all contenders but Daybook, with the columns that one would write by hand.
 */
const createTable = (sql: SqlClient, name: string) =>
  Effect.andThen(
    sql`DROP TABLE IF EXISTS ${sql(name)}`,
    sql`CREATE TABLE ${sql(name)} (
      order_id text PRIMARY KEY, customer_id text, currency text, status text NOT NULL,
      total bigint NOT NULL, item_count bigint NOT NULL
    )`
  )

/**
 * Applies each event in a statement and a transaction of its own, as unmeasured code often does.
 */
export const textbook = (sql: SqlClient): CatchUp => {
  const table = "textbook_order_summary"
  const apply = ({ data, stream_id, type }: PlainRow) => {
    const id = stream_id.slice("order-".length)
    const event = parse(data)
    if (type === "OrderCreated") {
      return sql`INSERT INTO ${sql(table)} VALUES
        (${id}, ${event.customerId}, ${event.currency}, 'draft', 0, 0)`
    }
    return sql`UPDATE ${sql(table)} SET
        total = total + ${PgTypes.int8(BigInt(event.quantity * event.unitPrice.minor))},
        item_count = item_count + ${PgTypes.int8(BigInt(event.quantity))}
      WHERE order_id = ${id}`
  }
  return {
    name: "textbook: a statement an event",
    catchUp: Effect.fnUntraced(function* (seconds) {
      yield* createTable(sql, table)
      const end = (yield* Clock.currentTimeMillis) + seconds * 1_000
      let events = 0
      let after = 0n
      for (;;) {
        const rows = yield* page(sql, after, 500)
        for (const row of rows) {
          if ((yield* Clock.currentTimeMillis) >= end) return events
          yield* apply(row)
          events++
        }
        const last = rows.at(-1)
        if (last === undefined) return events
        after = last.position
      }
    }, Effect.orDie)
  }
}

interface Summary {
  readonly customer: string
  readonly currency: string
  total: bigint
  items: bigint
}

/** Folds pages of 5,000 in memory, with an upsert for each: fast code by hand, without checks. */
export const byHand = (sql: SqlClient): CatchUp => {
  const table = "by_hand_order_summary"
  const { OID } = PgTypes
  const column = (oid: number, values: ReadonlyArray<unknown>) =>
    Result.getOrThrow(PgTypes.array(values, oid))
  return {
    name: "batches by hand",
    catchUp: Effect.fnUntraced(function* () {
      yield* createTable(sql, table)
      let events = 0
      let after = 0n
      for (;;) {
        const rows = yield* page(sql, after, 5_000)
        const last = rows.at(-1)
        if (last === undefined) return events
        const found = yield* sql<{
          readonly order_id: string
          readonly customer_id: string
          readonly currency: string
          readonly total: bigint
          readonly item_count: bigint
        }>`SELECT * FROM ${sql(table)} WHERE order_id = ANY(${column(
          OID.text,
          Array.from(new Set(rows.map((row) => row.stream_id.slice("order-".length))))
        )})`
        const all = new Map<string, Summary>(
          found.map((row) => [
            row.order_id,
            {
              customer: row.customer_id,
              currency: row.currency,
              total: row.total,
              items: row.item_count
            }
          ])
        )
        for (const { data, stream_id, type } of rows) {
          const id = stream_id.slice("order-".length)
          const event = parse(data)
          if (type === "OrderCreated") {
            const { currency, customerId: customer } = event
            all.set(id, { customer, currency, total: 0n, items: 0n })
          } else {
            const order = all.get(id)
            if (order === undefined) continue
            order.total += BigInt(event.quantity * event.unitPrice.minor)
            order.items += BigInt(event.quantity)
          }
        }
        const orders = Array.from(all)
        yield* sql`
          INSERT INTO ${sql(table)}
          SELECT o.id, o.customer, o.currency, 'draft', o.total, o.items FROM unnest(
            ${column(
              OID.text,
              orders.map(([id]) => id)
            )},
            ${column(
              OID.text,
              orders.map(([, order]) => order.customer)
            )},
            ${column(
              OID.text,
              orders.map(([, order]) => order.currency)
            )},
            ${column(
              OID.int8,
              orders.map(([, order]) => order.total)
            )},
            ${column(
              OID.int8,
              orders.map(([, order]) => order.items)
            )}
          ) AS o(id, customer, currency, total, items)
          ON CONFLICT (order_id) DO UPDATE SET
            total = excluded.total, item_count = excluded.item_count`
        events += rows.length
        after = last.position
      }
    }, Effect.orDie)
  }
}

/** The limit: the server computes the table by itself, and no event leaves it. */
export const inSql = (sql: SqlClient, events: number): CatchUp => {
  const table = "sql_order_summary"
  return {
    name: "one SQL statement",
    catchUp: Effect.fnUntraced(function* () {
      yield* createTable(sql, table)
      yield* sql`
        INSERT INTO ${sql(table)}
        SELECT substr(stream_id, 7), max(data->>'customerId'), max(data->>'currency'), 'draft',
          coalesce(sum((data->>'quantity')::bigint * (data->'unitPrice'->>'minor')::bigint), 0),
          coalesce(sum((data->>'quantity')::bigint), 0)
        FROM daybook.events GROUP BY stream_id`
      return events
    }, Effect.orDie)
  }
}
