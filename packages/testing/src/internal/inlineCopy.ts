import * as Projection from "@daybook/kernel/Projection"

/** Copies a projection under another name, so that appends can maintain the copy inline. */
export const inlineCopy = (projection: Projection.Any): Projection.Any => {
  const known = copies.get(projection)
  if (known !== undefined) return known
  const copy: Projection.Any = {
    ...projection,
    name: Projection.Name.make(`inline_${projection.name.slice(0, 33).replace(/_$/, "")}`),
    keys: (event, recorded) => projection.keys(event, recorded),
    apply: (row, event, applied) => projection.apply(row, event, applied)
  }
  copies.set(projection, copy)
  return copy
}

/** One copy of each projection: what is derived of it, such as its table, is cached by identity. */
const copies = new WeakMap<Projection.Any, Projection.Any>()
