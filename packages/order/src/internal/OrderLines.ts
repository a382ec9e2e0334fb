/**
 * The lines of a state, found by product and price.
 */
import { times } from "../Money.ts"
import type { Line } from "../OrderState.ts"
import * as LineIndex from "./LineIndex.ts"

export const { find, ofProduct, putLast, quantity, replace, value } = LineIndex.make<Line>({
  product: ({ productId }) => productId,
  price: ({ unitPriceMinor }) => unitPriceMinor,
  quantity: (line) => line.quantity,
  value: (line) => times(line.unitPriceMinor, line.quantity)
})
