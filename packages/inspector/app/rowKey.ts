/** The key of a row in an address: a segment for each text of its primary key. */
import type { Json } from "./difference.ts"

const parse = (key: string): ReadonlyArray<Json> | undefined => {
  try {
    const values: unknown = JSON.parse(key)
    return Array.isArray(values) ? (values as ReadonlyArray<Json>) : undefined
  } catch {
    return undefined
  }
}

/** A segment that begins so is the JSON of the whole key. */
const JSON_KEY = "["

/** Returns the segments of an address for the JSON of a key. */
export const segmentsOf = (key: string): ReadonlyArray<string> => {
  const values = parse(key)
  const isPlain = values?.every(
    (value) =>
      typeof value === "string" &&
      value !== "" &&
      value !== "." &&
      value !== ".." &&
      !value.startsWith(JSON_KEY)
  )
  return values !== undefined && values.length > 0 && isPlain === true ? values.map(String) : [key]
}

/** Returns the JSON of the key that segments stand for. */
export const keyOf = (segments: ReadonlyArray<string>): string => {
  const [first = ""] = segments
  return segments.length === 1 && first.startsWith(JSON_KEY) ? first : JSON.stringify(segments)
}

/** Says a key in words. */
export const sayKey = (key: string): string => {
  const values = parse(key)
  return values === undefined
    ? key
    : values.map((value) => (typeof value === "string" ? value : JSON.stringify(value))).join(", ")
}
