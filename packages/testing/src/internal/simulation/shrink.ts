/**
 * Finds a small list of faults that a failure needs: the minimising delta debugging of Zeller and Hildebrandt (IEEE TSE 28, 2002).
 */

/** A part of `all` with which `fails` holds, as small as was found. */
export const shrink = async <A>(
  all: ReadonlyArray<A>,
  fails: (some: ReadonlyArray<A>) => Promise<boolean>
): Promise<ReadonlyArray<A>> => {
  if (await fails([])) return []
  let kept = all
  let parts = 2
  while (kept.length >= 2) {
    const size = Math.ceil(kept.length / parts)
    const reduced = await firstOf(parts, async (part) => {
      const without = [...kept.slice(0, part * size), ...kept.slice((part + 1) * size)]
      return without.length < kept.length && (await fails(without)) ? without : undefined
    })
    if (reduced !== undefined) {
      kept = reduced
      parts = Math.max(parts - 1, 2)
    } else if (parts >= kept.length) {
      break
    } else {
      parts = Math.min(kept.length, parts * 2)
    }
  }
  return kept
}

const firstOf = async <A>(
  count: number,
  find: (index: number) => Promise<A | undefined>
): Promise<A | undefined> => {
  for (let index = 0; index < count; index++) {
    const found = await find(index)
    if (found !== undefined) return found
  }
  return undefined
}
