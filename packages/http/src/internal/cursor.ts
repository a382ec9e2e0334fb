/**
 * The place after a row, as a text that a client passes back.
 *
 * A cursor describes itself: the projection with its version, the order, and the values of the
 * fields of the order and of the primary key. It grants nothing, since it only says where to go on
 * among rows that the request selects; so it needs no signature, and any host can read it.
 */
import type * as Projection from "@daybook/kernel/Projection"
import * as Base64Url from "effect/encoding/Base64Url"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Struct from "effect/Struct"

/** The longest cursor that fits in a request with its path and its headers, of 16 KiB on Node. */
export const MAX_LENGTH = 12_000

/** The orders whose codecs are kept. */
const MAX_CODECS = 100

export interface Cursors<Row> {
  /** Returns the cursor after a row in an order. */
  readonly after: (row: Row, order: ReadonlyArray<string>) => string
  /** Returns the fields of the row that a cursor names, or the reason why it is none. */
  readonly fields: (
    cursor: string,
    order: ReadonlyArray<string>
  ) => Result.Result<Partial<Row>, string>
}

export const make = <Event, Key, Row extends object>(
  projection: Projection.Projection<Event, Key, Row>
): Cursors<Row> => {
  const { name, primaryKey, row, version } = projection
  const codecs = new Map<string, Schema.Codec<Partial<Row>, unknown>>()
  const codecOf = (order: ReadonlyArray<string>) => {
    const fields = [...new Set([...order.map(fieldOf), ...primaryKey])]
    const known = codecs.get(fields.join())
    if (known !== undefined) return known
    const struct = Schema.Struct(Struct.pick(row.fields, fields))
    // These are fields of the row, and those of a `RowSchema` need no services.
    const codec = Schema.toCodecJson(struct) as Schema.Top as Schema.Codec<Partial<Row>, unknown>
    // Clients choose among the orders, which are many: the oldest is made again when it comes.
    const [oldest] = codecs.keys()
    if (oldest !== undefined && codecs.size >= MAX_CODECS) codecs.delete(oldest)
    codecs.set(fields.join(), codec)
    return codec
  }
  const header = (order: ReadonlyArray<string>) => [name, version, order.join()]
  return {
    after: (last, order) => {
      const fields = Schema.encodeSync(codecOf(order))(last)
      return Base64Url.encode(JSON.stringify([...header(order), fields]))
    },
    fields: (cursor, order) =>
      Result.gen(function* () {
        const text = yield* Result.mapError(Base64Url.decodeString(cursor), () => "is not a cursor")
        const [of, at, by, fields] = yield* Result.mapError(decode(text), () => "is not a cursor")
        if (of !== name || at !== version) {
          return yield* Result.fail(`is a cursor of ${of} version ${at}`)
        }
        if (by !== order.join()) return yield* Result.fail("is a cursor of another order")
        return yield* Result.mapError(
          Schema.decodeUnknownResult(codecOf(order))(fields),
          () => "has values that no row has"
        )
      })
  }
}

const fieldOf = (ordered: string): string => ordered.replace(/^-/, "")

const decode = Schema.decodeUnknownResult(
  Schema.fromJsonString(Schema.Tuple([Schema.String, Schema.Int, Schema.String, Schema.Json]))
)
