/**
 * The figures of a shop that is served elsewhere, added up from the pages of its read models.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as ReadModelFigures from "./ReadModelFigures.ts"
import * as ServedShop from "./ServedShop.ts"
import { ShopFailed } from "./Orders.ts"

/** The most rows that a page has. */
const PAGE = 200

/**
 * Reads the figures of a shop.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  address: ServedShop.Address
): Layer.Layer<ReadModelFigures.ReadModelFigures> =>
  Layer.effect(
    ReadModelFigures.ReadModelFigures,
    Effect.map(ServedShop.client(address), (shop) => {
      /** Reads page after page; the first one waits for what is recorded now. */
      const all = <Row, E>(
        page: (request: {
          readonly query: { readonly limit: number; readonly cursor?: string }
          readonly headers: { readonly prefer?: string }
        }) => Effect.Effect<{ readonly rows: ReadonlyArray<Row>; readonly next?: string }, E>
      ) =>
        Stream.paginate(Option.none<string>(), (cursor) =>
          page(
            Option.match(cursor, {
              onNone: () => ({ query: { limit: PAGE }, headers: { prefer: "wait=30" } }),
              onSome: (cursor) => ({ query: { limit: PAGE, cursor }, headers: {} })
            })
          ).pipe(
            Effect.map(
              ({ next, rows }) =>
                [rows, next === undefined ? Option.none() : Option.some(Option.some(next))] as const
            ),
            Effect.mapError((cause) => new ShopFailed({ url: address.url, cause }))
          )
        )
      return ReadModelFigures.byRow(`read from ${address.url}, page by page`, {
        summaries: all(shop["order-summaries"].rows),
        customers: all(shop["customer-orders"].rows),
        demand: all(shop["product-demand"].rows),
        addresses: all(shop["address-changes"].rows),
        removals: all(shop["removed-items"].rows)
      })
    })
  )
