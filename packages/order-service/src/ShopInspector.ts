/**
 * The inspector of the shop: what it shows of orders, and in which words.
 *
 * @since 0.1.0
 */
import type * as Inspector from "@daybook/inspector/Inspector"
import * as Presenter from "@daybook/inspector/Presenter"
import { aggregate } from "@daybook/order/Order"
import * as ReadModels from "./ReadModels.ts"
import * as Sentences from "./Sentences.ts"

/**
 * The path of the page.
 *
 * @category models
 * @since 0.1.0
 */
export const PATH = "/inspector"

/**
 * Orders with their sentences, their value after each event, and lines matched by product and
 * price; and all read models.
 *
 * @category models
 * @since 0.1.0
 */
export const options: Inspector.Options = {
  title: "The shop",
  path: PATH,
  aggregates: [
    Presenter.make(aggregate, {
      describe: Sentences.event,
      figure: { head: "Order after", of: Sentences.total },
      lists: { lines: ["productId", "unitPriceMinor"] }
    })
  ],
  projections: ReadModels.all
}
