/**
 * The lines of a state, found by product and price.
 */
import { times } from "../Money.ts"
import * as LineIndex from "./LineIndex.ts"

/** A line as in `OrderState`, which can't be imported here because it imports this module. */
interface Line {
  readonly productId: string
  readonly name: string
  readonly quantity: number
  readonly unitPriceMinor: number
}

export const { find, ofProduct, putLast, quantity, replace, value } = LineIndex.make<Line>({
  product: ({ productId }) => productId,
  price: ({ unitPriceMinor }) => unitPriceMinor,
  quantity: (line) => line.quantity,
  value: (line) => times(line.unitPriceMinor, line.quantity)
})
