/**
 * The new elements of a list that was made from another one.
 */

/**
 * Returns the elements that a list has and `before` has not, found in one pass: it passes over the
 * common beginning and end, and over elements that were removed or replaced between them, one at a
 * place. Of a list that was rearranged it may return elements that are not new.
 */
export const added = (list: ReadonlyArray<unknown>, before: unknown): ReadonlyArray<unknown> => {
  const known: ReadonlyArray<unknown> = Array.isArray(before) ? before : []
  const shared = Math.min(list.length, known.length)
  let start = 0
  while (start < shared && Object.is(list[start], known[start])) start++
  let end = 0
  while (end < shared - start && Object.is(list.at(-1 - end), known.at(-1 - end))) end++
  if (start === 0 && known.length === 0) return list
  const found: Array<unknown> = []
  const last = known.length - end
  let at = start
  for (let place = start; place < list.length - end; place++) {
    const element = list[place]
    if (at < last && Object.is(element, known[at])) at++
    else if (at + 1 < last && Object.is(element, known[at + 1])) at += 2
    else found.push(element)
  }
  return found
}
