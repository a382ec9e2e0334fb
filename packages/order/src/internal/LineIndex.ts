/**
 * An index of the lines of an order, by product and price, so that no event searches all lines.
 *
 * Lines are plain immutable arrays, and the newest array has the index: a change returns a new
 * array and passes the index to it. A change of an older array builds its index again. So only the
 * time of a fold shows the index: at 10,000 lines each event copies an array of pointers and reads
 * one line.
 */

/** The functions by which an index reads a line. */
export interface Access<in Line> {
  readonly product: (line: Line) => string
  readonly price: (line: Line) => number
  readonly quantity: (line: Line) => number
  /** The quantity at the price, in minor units. */
  readonly value: (line: Line) => bigint
}

interface Index<Line> {
  /** By product and price; the lines of a product are in their order. */
  readonly lines: Map<string, Map<number, Line>>
  quantity: number
  value: bigint
}

/** The least number of lines to index; with fewer, reading every line costs less. */
const MANY = 32

export interface LineIndex<Line> {
  /** Returns the line of a product at a price. */
  readonly find: (lines: ReadonlyArray<Line>, product: string, price: number) => Line | undefined
  readonly ofProduct: (lines: ReadonlyArray<Line>, product: string) => ReadonlyArray<Line>
  /** Returns the number of items. The sum rounds past 2^53, but never back below it. */
  readonly quantity: (lines: ReadonlyArray<Line>) => number
  readonly value: (lines: ReadonlyArray<Line>) => bigint
  /** Removes `before`, if given, and appends `line`. */
  readonly putLast: (
    lines: ReadonlyArray<Line>,
    before: Line | undefined,
    line: Line
  ) => ReadonlyArray<Line>
  /** Puts `line` in the place of `before`, which must be one of the lines, or removes `before`. */
  readonly replace: (
    lines: ReadonlyArray<Line>,
    before: Line,
    line: Line | undefined
  ) => ReadonlyArray<Line>
}

export const make = <Line extends object>(access: Access<Line>): LineIndex<Line> => {
  const indexes = new WeakMap<ReadonlyArray<Line>, Index<Line>>()

  const add = (index: Index<Line>, line: Line): void => {
    const product = access.product(line)
    const ofProduct = index.lines.get(product)
    if (ofProduct === undefined) index.lines.set(product, new Map([[access.price(line), line]]))
    else ofProduct.set(access.price(line), line)
    index.quantity += access.quantity(line)
    index.value += access.value(line)
  }

  const remove = (index: Index<Line>, line: Line): void => {
    const product = access.product(line)
    const ofProduct = index.lines.get(product)
    ofProduct?.delete(access.price(line))
    if (ofProduct?.size === 0) index.lines.delete(product)
    index.quantity -= access.quantity(line)
    index.value -= access.value(line)
  }

  const indexOf = (lines: ReadonlyArray<Line>): Index<Line> => {
    const known = indexes.get(lines)
    if (known !== undefined) return known
    const index: Index<Line> = { lines: new Map(), quantity: 0, value: 0n }
    for (const line of lines) add(index, line)
    indexes.set(lines, index)
    return index
  }

  /** Passes the index of the lines before a change on to the lines after it. */
  const handOn = (
    lines: ReadonlyArray<Line>,
    after: ReadonlyArray<Line>,
    change: (index: Index<Line>) => void
  ): ReadonlyArray<Line> => {
    if (after.length < MANY) return after
    const index = indexOf(lines)
    indexes.delete(lines)
    change(index)
    indexes.set(after, index)
    return after
  }

  return {
    find: (lines, product, price) =>
      lines.length < MANY
        ? lines.find((line) => access.price(line) === price && access.product(line) === product)
        : indexOf(lines).lines.get(product)?.get(price),
    ofProduct: (lines, product) =>
      lines.length < MANY
        ? lines.filter((line) => access.product(line) === product)
        : Array.from(indexOf(lines).lines.get(product)?.values() ?? []),
    quantity: (lines) =>
      lines.length < MANY
        ? lines.reduce((sum, line) => sum + access.quantity(line), 0)
        : indexOf(lines).quantity,
    value: (lines) =>
      lines.length < MANY
        ? lines.reduce((sum, line) => sum + access.value(line), 0n)
        : indexOf(lines).value,
    putLast: (lines, before, line) => {
      const after = lines.slice()
      if (before !== undefined) after.splice(after.indexOf(before), 1)
      after.push(line)
      return handOn(lines, after, (index) => {
        if (before !== undefined) remove(index, before)
        add(index, line)
      })
    },
    replace: (lines, before, line) => {
      const after = lines.slice()
      if (line === undefined) after.splice(after.indexOf(before), 1)
      else after[after.indexOf(before)] = line
      return handOn(lines, after, (index) => {
        if (line === undefined) return remove(index, before)
        // Setting an existing key leaves the line in its place among the lines of its product.
        add(index, line)
        index.quantity -= access.quantity(before)
        index.value -= access.value(before)
      })
    }
  }
}
