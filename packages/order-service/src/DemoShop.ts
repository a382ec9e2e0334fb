/**
 * The shop that the demo works on: one of this process on any store, or one that is served.
 *
 * @since 0.1.0
 */
import { GroupSettings } from "@daybook/reactors/ConsumerGroups"
import { CommandHandler } from "@daybook/store/CommandHandler"
import * as Data from "effect/Data"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as LegacyTable from "./LegacyTable.ts"
import { Orders } from "./Orders.ts"
import { ReadModelFigures } from "./ReadModelFigures.ts"
import { ReadModelPage } from "./ReadModelPage.ts"
import * as ReadModelSql from "./ReadModelSql.ts"
import * as ServedFigures from "./ServedFigures.ts"
import * as ServedOrders from "./ServedOrders.ts"
import * as ServedShop from "./ServedShop.ts"
import { ShopProcesses } from "./ShopProcesses.ts"
import * as StoreFlags from "./StoreFlags.ts"
import * as Stores from "./Stores.ts"

/**
 * The place of a shop.
 *
 * @category types
 * @since 0.1.0
 */
export type DemoShop = Stores.Store | ({ readonly _tag: "served" } & ServedShop.Address)

/**
 * A store is chosen for a shop that is served elsewhere, and so has its own.
 *
 * @category errors
 * @since 0.1.0
 */
export class StoreOfServedShop extends Data.TaggedError("StoreOfServedShop")<{
  readonly url: string
}> {
  override get message() {
    return `--store and --data are for a shop of this process, and --url names ${this.url}`
  }
}

/**
 * Returns the shop that the flags choose.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromFlags = (
  flags: Parameters<typeof StoreFlags.storeOf>[0] & { readonly url: Option.Option<URL> },
  token: Option.Option<Redacted.Redacted>
): Result.Result<
  DemoShop,
  ServedShop.UnusableUrl | StoreOfServedShop | StoreFlags.DataWithoutEmbedded
> => {
  if (Option.isNone(flags.url)) return StoreFlags.storeOf(flags, undefined)
  const hasStore = Option.isSome(flags.store) || Option.isSome(flags.data)
  return Result.flatMap(ServedShop.addressOf(flags.url.value, token), (address) =>
    hasStore
      ? Result.fail(new StoreOfServedShop({ url: address.url }))
      : Result.succeed({ _tag: "served" as const, ...address })
  )
}

/**
 * Describes the shop in words.
 *
 * @category destructors
 * @since 0.1.0
 */
export const describe = (shop: DemoShop): string =>
  shop._tag === "served" ? `the shop at ${shop.url}` : Stores.describe(shop)

/**
 * Opens the shop.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  shop: DemoShop
): Layer.Layer<
  Orders | ReadModelPage | ShopProcesses,
  Stores.StoreUnavailable | ServedShop.ShopUnavailable
> =>
  shop._tag === "served"
    ? Layer.mergeAll(
        ServedOrders.layer(shop),
        ShopProcesses.layerServed(shop),
        ReadModelPage.layerServed.pipe(Layer.provide(ServedFigures.layer(shop)))
      )
    : layerStore(shop)

/**
 * Opens a shop of this process.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerStore = (store: Stores.Store) =>
  handled(Stores.layerWith(store, { memory: ReadModelFigures.layer, postgres: ReadModelSql.layer }))

/**
 * Opens the same, with the table of the shop's first system in the same database, or in memory.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerLegacy = (store: Stores.Store) =>
  handled(
    Stores.layerWith(store, {
      memory: Layer.merge(ReadModelFigures.layer, LegacyTable.layerMemory),
      postgres: Layer.merge(ReadModelSql.layer, LegacyTable.layerPostgres)
    })
  )

const handled = <A, E>(stores: Layer.Layer<A | Stores.Services | ReadModelFigures, E>) =>
  Layer.mergeAll(Orders.layer, ReadModelPage.layer, ShopProcesses.layer).pipe(
    Layer.provideMerge(CommandHandler.layer),
    Layer.provideMerge(stores),
    // The demo is the only host, and the embedded database may keep it waiting.
    Layer.provide(Layer.succeed(GroupSettings, { lease: "15 seconds" }))
  )
