/**
 * The table of events of the shop's first system, in a shape with which many systems begin:
 * `events(id bigserial, aggregate_id uuid, event_type, event_data jsonb, version, created_at)`.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import { rootMessage } from "@daybook/store/RootMessage"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Schema from "effect/Schema"
import { SqlClient } from "effect/sql/SqlClient"
import * as Stream from "effect/Stream"

/**
 * A row of the table.
 *
 * @category types
 * @since 0.1.0
 */
export interface LegacyRow {
  readonly id: bigint
  readonly aggregateId: string
  readonly type: string
  readonly data: Schema.Json
  /** Counts the events of an order, if the old system counted correctly. */
  readonly version: number
  /** UTC in ISO 8601, to the microsecond. */
  readonly createdAt: string
}

/**
 * The table could not be read or filled.
 *
 * @category errors
 * @since 0.1.0
 */
export class LegacyTableError extends Data.TaggedError("LegacyTableError")<{
  readonly cause: unknown
}> {
  override get message() {
    const why = rootMessage(this.cause)
    return `the table of the first system: ${why}`
  }
}

/**
 * The table, in memory or in Postgres.
 *
 * @category services
 * @since 0.1.0
 */
export class LegacyTable extends Context.Service<
  LegacyTable,
  {
    /** Reads all rows in the order of their ids, in bounded memory. */
    readonly rows: Stream.Stream<LegacyRow, LegacyTableError>

    /** Creates the table with these rows and returns true; false if a table with rows exists. */
    readonly fill: (rows: ReadonlyArray<LegacyRow>) => Effect.Effect<boolean, LegacyTableError>
  }
>()("@daybook/order-service/LegacyTable") {}

/**
 * A table in memory, empty at first.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerMemory: Layer.Layer<LegacyTable> = Layer.sync(LegacyTable, () => {
  let all: ReadonlyArray<LegacyRow> = []
  return LegacyTable.of({
    rows: Stream.suspend(() => Stream.fromIterable(all)),
    fill: (rows) =>
      Effect.sync(() => {
        if (all.length > 0) return false
        all = rows.toSorted((a, b) => (a.id < b.id ? -1 : 1))
        return true
      })
  })
})

/** The schema of the database that holds the table. */
const SCHEMA = "legacy_shop"

/** A value below every id. */
const START = String(-(2n ** 63n))

/** The number of rows in a page and in an insert. */
const PAGE_ROWS = 500

/**
 * The table `legacy_shop.events` on the current SQL client.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerPostgres: Layer.Layer<LegacyTable, never, SqlClient> = Layer.effect(
  LegacyTable,
  Effect.gen(function* () {
    const sql = (yield* SqlClient).withoutTransforms()
    const table = sql(`${SCHEMA}.events`)

    const page = (after: string) =>
      sql<EncodedRow>`
        SELECT id::text AS "textId", aggregate_id::text AS "aggregateId", event_type AS type,
          event_data AS data, version,
          to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS "createdAt"
        FROM ${table} WHERE id > ${after}::bigint ORDER BY id LIMIT ${PAGE_ROWS}`

    const insert = (rows: ReadonlyArray<LegacyRow>) => {
      const json = JSON.stringify(rows.map((row) => ({ ...row, id: row.id.toString() })))
      return sql`
        INSERT INTO ${table} (id, aggregate_id, event_type, event_data, version, created_at)
        SELECT id, "aggregateId", type, data, version, "createdAt"
        FROM jsonb_to_recordset(${json}::text::jsonb) AS row(id bigint, "aggregateId" uuid,
          type text, data jsonb, version integer, "createdAt" timestamptz)`
    }

    const fill = Effect.fnUntraced(function* (rows: ReadonlyArray<LegacyRow>) {
      yield* sql`CREATE SCHEMA IF NOT EXISTS ${sql(SCHEMA)}`
      yield* sql`
        CREATE TABLE IF NOT EXISTS ${table} (
          id bigserial PRIMARY KEY,
          aggregate_id uuid NOT NULL,
          event_type text NOT NULL,
          event_data jsonb NOT NULL,
          version integer NOT NULL,
          created_at timestamptz NOT NULL DEFAULT now()
        )`
      const [first] = yield* page(START)
      if (first !== undefined) return false
      for (let start = 0; start < rows.length; start += PAGE_ROWS) {
        yield* insert(rows.slice(start, start + PAGE_ROWS))
      }
      return true
    })

    return LegacyTable.of({
      rows: Stream.paginate(START, (after) =>
        Effect.map(page(after), (rows) => {
          const last = rows.at(-1)
          return [
            rows.map(({ textId, ...row }): LegacyRow => ({ ...row, id: BigInt(textId) })),
            last === undefined || rows.length < PAGE_ROWS ? Option.none() : Option.some(last.textId)
          ] as const
        })
      ).pipe(Stream.mapError((cause) => new LegacyTableError({ cause }))),
      fill: (rows) =>
        Effect.mapError(sql.withTransaction(fill(rows)), (cause) => new LegacyTableError({ cause }))
    })
  })
)

/** A row as the columns and casts above return it. */
type EncodedRow = Omit<LegacyRow, "id"> & { readonly textId: string }
