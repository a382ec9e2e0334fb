/**
 * Lists that may be long: counts all entries and holds the first ones for display.
 *
 * @since 0.1.0
 */

/**
 * The number of entries, and the first of them.
 *
 * @category types
 * @since 0.1.0
 */
export interface Listed<out A> {
  readonly count: number
  readonly first: ReadonlyArray<A>
}

/**
 * A list under construction.
 *
 * @category types
 * @since 0.1.0
 */
export interface Builder<in out A> {
  readonly add: (entry: A) => void
  readonly listed: () => Listed<A>
}

/** The most entries that are held. */
const MAX_SHOWN = 50

/**
 * Creates an empty list that accepts entries in any order. Its first entries are first by `order`,
 * or without it the first ones added.
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
