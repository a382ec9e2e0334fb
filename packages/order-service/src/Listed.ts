/**
 * Lists that may be long: all entries are counted, the first ones kept to be shown.
 *
 * @since 0.1.0
 */

/**
 * How many entries there are, and the first of them.
 *
 * @category types
 * @since 0.1.0
 */
export interface Listed<out A> {
  readonly count: number
  readonly first: ReadonlyArray<A>
}

/**
 * A list in the making.
 *
 * @category types
 * @since 0.1.0
 */
export interface Builder<in out A> {
  readonly add: (entry: A) => void
  readonly listed: () => Listed<A>
}

/** How many entries are kept. */
const MAX_SHOWN = 50

/**
 * An empty list, to be added to in any order: the first entries are those that `order` puts first, or the
 * first that were added.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <A>(order: (a: A, b: A) => number = () => 0): Builder<A> => {
  const first: Array<A> = []
  let count = 0
  return {
    add: (entry) => {
      count += 1
      const place = first.findLastIndex((other) => order(other, entry) <= 0) + 1
      if (place === MAX_SHOWN) return
      first.splice(place, 0, entry)
      if (first.length > MAX_SHOWN) first.pop()
    },
    listed: () => ({ count, first })
  }
}
