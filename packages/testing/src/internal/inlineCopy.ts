import * as Projection from "@daybook/kernel/Projection"

/** The same projection under another name, to be kept by the appends. */
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

/** One of each: what is derived of a projection, such as its table, is kept for it. */
const copies = new WeakMap<Projection.Any, Projection.Any>()
