/**
 * Rows of a read model over HTTP: typed filters, an order, and pages that go on after a cursor.
 *
 * `GET /NAME?status=draft&total.atLeast=100&order=-updatedAt&limit=20`, then the same with
 * `&cursor=NEXT`. `?after=POSITION` waits until the rows include an append, as long as
 * `Prefer: wait=SECONDS` says.
 *
 * @since 0.1.0
 */
import * as Position from "@daybook/kernel/Position"
import type * as Projection from "@daybook/kernel/Projection"
import type { Projections } from "@daybook/projections/Projections"
import type { ReadModelStore } from "@daybook/projections/ReadModelStore"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as OpenApi from "effect/http-api/OpenApi"
import * as Schema from "effect/Schema"
import { Requires } from "./Authenticator.ts"
import * as Cursor from "./internal/cursor.ts"
import * as Filters from "./internal/filters.ts"
import { implement } from "./internal/implement.ts"
import * as RowHandlers from "./internal/rowHandlers.ts"
import { Behind, Stopped, Unavailable, Unknown } from "./Problem.ts"
import { guarded } from "./RequestGuard.ts"

/**
 * The most rows of a page; 50 when a request does not say.
 *
 * @category limits
 * @since 0.1.0
 */
export const MAX_ROWS = 200

/**
 * The longest wait for a position, in seconds; 5 when a request does not say.
 *
 * @category limits
 * @since 0.1.0
 */
export const MAX_WAIT_SECONDS = 30

/**
 * A page of rows.
 *
 * @category types
 * @since 0.1.0
 */
export interface Rows<out Row> {
  readonly rows: ReadonlyArray<Row>
  /**
   * Continues after the last row, in the same order; absent on the last page. It names places and
   * grants nothing: filters and permissions are those of the request that brings it.
   */
  readonly next?: string
}

/** The fields of a row with an order: scalars and instants. */
type Comparable<Row> = {
  readonly [Field in keyof Row]: NonNullable<Row[Field]> extends
    | string
    | number
    | bigint
    | boolean
    | { readonly epochMilliseconds: number }
    ? Field
    : never
}[keyof Row] &
  string

/** The fields of a row that are never null, by which it can be ordered. */
type Orderable<Row> = {
  readonly [Field in keyof Row]: null extends Row[Field]
    ? never
    : undefined extends Row[Field]
      ? never
      : Field
}[keyof Row] &
  Comparable<Row>

/**
 * Makes an API of the rows of a projection.
 *
 * **Details**
 * `where` lists the fields by which clients may filter, and `orderBy` those by which they may
 * order: the ones for which the projection has an index. The primary key is always among both. A
 * filter can't be named as a parameter of the page, `order`, `cursor`, `limit` or `after`: such a
 * field is refused here.
 *
 * **Example**
 *
 * ```ts
 * import * as ReadModelApi from "@daybook/http/ReadModelApi"
 * import * as OrderSummary from "@daybook/order/OrderSummary"
 *
 * export const summaries = ReadModelApi.make(OrderSummary.projection, {
 *   name: "summaries",
 *   where: ["status"],
 *   orderBy: ["updatedAt"]
 * })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <
  const Name extends string,
  Event,
  Key extends object,
  Row extends object,
  const Where extends Exclude<Comparable<Row>, Filters.Reserved> = never,
  const Order extends Orderable<Row> = never
>(
  projection: Projection.Projection<Event, Key, Row>,
  options: {
    /** Its path, and its name in the client. */
    readonly name: Name
    readonly where?: ReadonlyArray<Where>
    readonly orderBy?: ReadonlyArray<Order>
  }
) => {
  const { name, orderBy = [], where = [] } = options
  const fields = (listed: ReadonlyArray<string>) => [
    ...new Set([...projection.primaryKey, ...listed])
  ]
  const filtered = fields(where)
  const reserved = Filters.reservedOf(filtered)
  if (reserved.length > 0) {
    throw new Error(`${name} has filters named as parameters of the page: ${reserved.join()}`)
  }
  type Field<Listed> = Listed | (keyof Key & Comparable<Row>)
  const group = guarded(
    HttpApiGroup.make(name).add(
      rowsEndpoint<Name, Row, Field<Where>, Field<Order>>(
        name,
        projection.row,
        filtered,
        fields(orderBy)
      )
    ),
    `Rows of ${name}`
  )
  return implement<typeof group, Projections | ReadModelStore>(
    group,
    RowHandlers.make(projection, filtered, MAX_WAIT_SECONDS)
  )
}

/** The parameters of a request for rows. */
type RowsQuery<Row, Where extends keyof Row & string, Order extends string> = Filters.Filters<
  Row,
  Where
> & {
  readonly order?: ReadonlyArray<Order | `-${Order}`>
  readonly cursor?: string
  readonly limit?: number
  readonly after?: Position.Position
}

const eachOnce = Schema.makeFilter(
  (order: ReadonlyArray<string>) =>
    new Set(order.map((field) => field.replace(/^-/, ""))).size === order.length,
  { expected: "each field at most once" }
)

const rowsEndpoint = <
  Name extends string,
  Row extends object,
  Where extends keyof Row & string,
  Order extends string
>(
  name: Name,
  row: Projection.RowSchema<Row>,
  where: ReadonlyArray<string>,
  orderBy: ReadonlyArray<string>
) =>
  HttpApiEndpoint.get("rows", `/${name}` as const, {
    query: Schema.Struct({
      ...Filters.fieldsOf(row, where),
      order: Schema.optionalKey(
        Schema.Array(Schema.Literals(orderBy.flatMap((field) => [field, `-${field}`])))
          .check(Schema.isMaxLength(orderBy.length), eachOnce)
          .annotate({
            description: "The fields of the order, in descending order with a - before the name."
          })
      ),
      cursor: Schema.optionalKey(
        Schema.String.check(
          Schema.isPattern(/^[A-Za-z0-9_-]+$/, { expected: "a cursor" }),
          Schema.isMaxLength(Cursor.MAX_LENGTH)
        )
      ),
      limit: Schema.optionalKey(
        Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: MAX_ROWS }))
      ),
      after: Schema.optionalKey(
        Position.Position.annotate({ description: "The position that the rows have to include." })
      )
    }) as Schema.Top as Schema.Codec<RowsQuery<Row, Where, Order>, unknown>,
    headers: {
      prefer: Schema.optionalKey(
        Schema.String.annotate({
          description: `wait=SECONDS: how long to wait for the position, at most ${MAX_WAIT_SECONDS}. Without a position it waits for the head of the log.`
        })
      )
    },
    success: Schema.Struct({
      rows: Schema.Array(row),
      next: Schema.optionalKey(Schema.String)
    }) as Schema.Top as Schema.Codec<Rows<Row>, unknown>,
    error: [Unknown, Behind, Stopped, Unavailable]
  })
    .annotate(Requires, "read")
    .annotate(OpenApi.Summary, `Returns rows of ${name}`)
