/**
 * The difference of two values of JSON, as lines to show: what was removed keeps its place, and
 * what is unchanged stays.
 */
import * as JsonDiff from "jsondiffpatch"
import type { Delta } from "jsondiffpatch"

export type Json =
  | null
  | boolean
  | number
  | string
  | ReadonlyArray<Json>
  | { readonly [name: string]: Json }

export type Fields = { readonly [name: string]: Json }

export type Mark = "same" | "add" | "del" | "chg"

/** A field whose value stands on one line. */
export interface Line {
  readonly kind: "line"
  readonly name: string
  readonly mark: Mark
  readonly before: Json | undefined
  readonly after: Json | undefined
}

/** An element of a list: its cells are in the order of the columns of the list. */
interface Element {
  readonly mark: Mark
  readonly cells: ReadonlyArray<Line>
}

/** A list whose elements are lines of a table. */
export interface Table {
  readonly kind: "table"
  readonly name: string
  readonly before: number | undefined
  readonly after: number | undefined
  readonly columns: ReadonlyArray<string>
  readonly elements: ReadonlyArray<Element>
}

/** A value with fields of its own. */
export interface Group {
  readonly kind: "group"
  readonly name: string
  readonly parts: ReadonlyArray<Part>
}

export type Part = Line | Table | Group

/** The numbers of lines with a mark. */
export interface Marks {
  readonly add: number
  readonly del: number
  readonly chg: number
}

/** The fields by which the elements of a list are matched, by the name of the list. */
export type Keys = Readonly<Record<string, ReadonlyArray<string>>>

export const isFields = (value: Json | undefined): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const isList = (value: Json | undefined): value is ReadonlyArray<Json> => Array.isArray(value)

/** The name of the only column of a list whose elements have no fields. */
export const NO_FIELD = ""

/** Compares two values; without `before` all of `after` is new, unless nothing is compared. */
export const compare = (
  before: Json | undefined,
  after: Json | undefined,
  keys: Keys = {}
): ReadonlyArray<Part> => {
  const older = isFields(before) ? before : before === undefined ? {} : { value: before }
  const newer = isFields(after) ? after : after === undefined ? {} : { value: after }
  return compareFields(older, newer, keys)
}

const compareFields = (before: Fields, after: Fields, keys: Keys): ReadonlyArray<Part> => {
  const delta = patcher(keys).diff(before, after)
  return namesOf(before, after).map((name) =>
    comparePart(name, fieldOf(before, name), fieldOf(after, name), childOf(delta, name), keys)
  )
}

/** Returns a field of a value: a stored name may be that of a property which all objects have. */
const fieldOf = (value: Fields, name: string): Json | undefined =>
  Object.hasOwn(value, name) ? value[name] : undefined

/** The names of both in the order of the newer, and those that went where they stood. */
const namesOf = (before: Fields, after: Fields): ReadonlyArray<string> => {
  const names = Object.keys(after)
  for (const [index, name] of Object.keys(before).entries()) {
    if (!Object.hasOwn(after, name)) names.splice(Math.min(index, names.length), 0, name)
  }
  return names
}

const childOf = (delta: Delta, name: string): Delta =>
  delta !== undefined && !Array.isArray(delta) && Object.hasOwn(delta, name)
    ? (delta as Record<string, Delta>)[name]
    : undefined

const comparePart = (
  name: string,
  before: Json | undefined,
  after: Json | undefined,
  delta: Delta,
  keys: Keys
): Part => {
  if ((isList(before) || isList(after)) && isListOr(before) && isListOr(after)) {
    return compareLists(name, before, after, delta)
  }
  const names = [before, after].flatMap((value) => (isFields(value) ? Object.keys(value) : []))
  if (isFieldsOr(before) && isFieldsOr(after) && names.length > 0) {
    return { kind: "group", name, parts: compareFields(before ?? {}, after ?? {}, keys) }
  }
  return lineOf(name, before, after, delta)
}

const isListOr = (value: Json | undefined): value is ReadonlyArray<Json> | undefined =>
  value === undefined || isList(value)

const isFieldsOr = (value: Json | undefined): value is Fields | undefined =>
  value === undefined || isFields(value)

const lineOf = (
  name: string,
  before: Json | undefined,
  after: Json | undefined,
  delta: Delta
): Line => ({
  kind: "line",
  name,
  mark: before === undefined ? "add" : after === undefined ? "del" : delta ? "chg" : "same",
  before,
  after
})

const compareLists = (
  name: string,
  before: ReadonlyArray<Json> | undefined,
  after: ReadonlyArray<Json> | undefined,
  delta: Delta
): Table => {
  const [older, newer] = [before ?? [], after ?? []]
  const columns = columnsOf([...newer, ...older])
  const element = (mark: Mark, old: Json | undefined, now: Json | undefined): Element => ({
    mark,
    cells: columns.map((column) => {
      const [from, to] = [cellOf(old, column), cellOf(now, column)]
      const isChanged = mark === "chg" && JSON.stringify(from) !== JSON.stringify(to)
      return {
        kind: "line",
        name: column,
        mark: mark === "chg" ? (isChanged ? "chg" : "same") : mark,
        before: from,
        after: to
      }
    })
  })
  const elements: Array<Element> = []
  let next = 0
  const isGone = (index: number): boolean => after === undefined || isRemoved(delta, index)
  const removed = (): void => {
    while (next < older.length && isGone(next)) {
      elements.push(element("del", older[next], undefined))
      next += 1
    }
  }
  for (const [index, now] of newer.entries()) {
    removed()
    const change = childOf(delta, String(index))
    if (before === undefined || (Array.isArray(change) && change.length === 1)) {
      elements.push(element("add", undefined, now))
    } else {
      elements.push(element(change === undefined ? "same" : "chg", older[next], now))
      next += 1
    }
  }
  removed()
  return { kind: "table", name, before: before?.length, after: after?.length, columns, elements }
}

const isRemoved = (delta: Delta, index: number): boolean =>
  childOf(delta, `_${index}`) !== undefined

const columnsOf = (elements: ReadonlyArray<Json>): ReadonlyArray<string> => {
  const names = new Set<string>()
  for (const element of elements) {
    for (const name of isFields(element) ? Object.keys(element) : [NO_FIELD]) names.add(name)
  }
  return [...names]
}

const cellOf = (element: Json | undefined, column: string): Json | undefined =>
  isFields(element) ? fieldOf(element, column) : column === NO_FIELD ? element : undefined

/**
 * Matches the elements of a list by the fields that the host names for it, else by their place. An
 * element with two matches is taken in their order.
 */
const patcher = (keys: Keys) => {
  const fields = [...new Set(Object.values(keys).flat())]
  return JsonDiff.create({
    objectHash: (item, index) => {
      const key = fields.flatMap((field) =>
        Object.hasOwn(item, field) ? [(item as Fields)[field]] : []
      )
      return key.length > 0 ? JSON.stringify(key) : `#${index}`
    },
    arrays: { detectMove: false },
    cloneDiffValues: false
  })
}

/** Counts the marked lines. */
export const countMarks = (parts: ReadonlyArray<Part>): Marks => {
  let [add, del, chg] = [0, 0, 0]
  const count = (mark: Mark): void => {
    if (mark === "add") add += 1
    if (mark === "del") del += 1
    if (mark === "chg") chg += 1
  }
  for (const part of parts) {
    if (part.kind === "line") count(part.mark)
    else if (part.kind === "table") for (const { mark } of part.elements) count(mark)
    else {
      const inside = countMarks(part.parts)
      add += inside.add
      del += inside.del
      chg += inside.chg
    }
  }
  return { add, del, chg }
}
