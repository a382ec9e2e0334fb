/**
 * Renders values as text for people: as in code, on one line if they fit.
 */
import * as Formatter from "effect/Formatter"
import * as Predicate from "effect/Predicate"

/** The longest line that is not broken up. */
const WIDTH = 96
/** Cuts deeper values, because some contain themselves. */
const MAX_DEPTH = 16

interface Layout {
  /** Sorts fields by their names, so that equal values have equal texts. */
  readonly sorted: boolean
}

/** Renders a tagged value as `Tag { field: value }`, and an error likewise, without its stack. */
export const render = (value: unknown, indent = 0): string =>
  broken(value, { sorted: false }, indent, 0)

/** Renders a value with its fields in the order of their names. */
export const renderSorted = (value: unknown): string => broken(value, { sorted: true }, 0, 0)

/** Renders a value on one line, however long. */
export const renderLine = (value: unknown): string => line(value, { sorted: false }, 0)

const broken = (value: unknown, layout: Layout, indent: number, depth: number): string => {
  const whole = line(value, layout, depth)
  const parts = partsOf(value, layout)
  if (parts === undefined || parts.entries.length === 0 || whole.length <= WIDTH - indent) {
    return whole
  }
  const inner = parts.entries.map(
    ({ label, value }) =>
      `${" ".repeat(indent + 2)}${label}${broken(value, layout, indent + 2, depth + 1)}`
  )
  return `${parts.open}\n${inner.join(",\n")}\n${" ".repeat(indent)}${parts.close}`
}

const line = (value: unknown, layout: Layout, depth: number): string => {
  if (depth > MAX_DEPTH) return "..."
  const parts = partsOf(value, layout)
  if (parts === undefined) return leaf(value)
  const { close, entries, open, pad } = parts
  // A value with a tag and no fields is shown as the tag.
  if (entries.length === 0) return open === "{" || open === "[" ? `${open}${close}` : parts.tag
  const inner = entries.map(({ label, value }) => `${label}${line(value, layout, depth + 1)}`)
  return `${open}${pad}${inner.join(", ")}${pad}${close}`
}

interface Parts {
  readonly tag: string
  readonly open: string
  readonly close: string
  readonly pad: string
  readonly entries: ReadonlyArray<{ readonly label: string; readonly value: unknown }>
}

const partsOf = (value: unknown, layout: Layout): Parts | undefined => {
  if (Array.isArray(value)) {
    const entries = value.map((element: unknown) => ({ label: "", value: element }))
    return { tag: "", open: "[", close: "]", pad: "", entries }
  }
  if (!Predicate.isObject(value) || !hasFields(value)) return undefined
  const tag = typeof value["_tag"] === "string" ? value["_tag"] : nameOf(value)
  const keys = Object.keys(value).filter((key) => !(key === "_tag" && tag === value[key]))
  if (value instanceof Error && !("_tag" in value)) keys.unshift("message")
  const entries = (layout.sorted ? keys.toSorted() : keys).map((key) => ({
    label: `${/^[A-Za-z_$][\w$]*$/.test(key) ? key : JSON.stringify(key)}: `,
    value: value[key]
  }))
  return { tag, open: tag === "" ? "{" : `${tag} {`, close: "}", pad: " ", entries }
}

/** Objects of other classes have their own form, or no fields that describe them. */
const hasFields = (value: object): boolean => {
  if (value instanceof Error) return true
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype
}

const nameOf = (value: object): string => (value instanceof Error ? value.name : "")

const leaf = (value: unknown): string =>
  Object.is(value, -0)
    ? "-0"
    : typeof value === "string"
      ? JSON.stringify(value)
      : Formatter.format(value)
