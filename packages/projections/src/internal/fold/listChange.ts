/**
 * The new elements of a list that was made from another one.
 */

/** Returns the elements between the common beginning and the common end of the two lists. */
export const between = (list: ReadonlyArray<unknown>, before: unknown): ReadonlyArray<unknown> => {
  const known: ReadonlyArray<unknown> = Array.isArray(before) ? before : []
  const shared = Math.min(list.length, known.length)
  let start = 0
  while (start < shared && list[start] === known[start]) start++
  let end = 0
  while (end < shared - start && list.at(-1 - end) === known.at(-1 - end)) end++
  return start === 0 && end === 0 ? list : list.slice(start, list.length - end)
}
