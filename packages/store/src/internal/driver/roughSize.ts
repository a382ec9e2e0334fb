/**
 * An estimate of the memory of a value, which is cheap for small values.
 */

/** The bytes of an empty object or array. */
const OBJECT = 32
/** The bytes of a property, an element or a number. */
const SLOT = 16

/** Returns bytes, two for each UTF-16 code unit of text. Shared objects count once. */
export const roughSize = (value: unknown): number => {
  let bytes = 0
  // Made only when needed: a value without objects needs neither.
  let seen: Set<object> | undefined
  let rest: Array<unknown> | undefined
  let current = value
  while (true) {
    bytes += SLOT
    if (typeof current === "string") bytes += 2 * current.length
    else if (typeof current === "bigint") bytes += 64
    else if (typeof current === "object" && current !== null) {
      seen ??= new Set()
      rest ??= []
      if (!seen.has(current)) {
        seen.add(current)
        bytes += OBJECT
        if (ArrayBuffer.isView(current)) bytes += current.byteLength
        else if (current instanceof ArrayBuffer) bytes += current.byteLength
        else if (current instanceof Map) {
          for (const [key, one] of current) rest.push(key, one)
        } else if (current instanceof Set || Array.isArray(current)) {
          for (const one of current) rest.push(one)
        } else {
          for (const [key, one] of Object.entries(current)) {
            bytes += SLOT + 2 * key.length
            rest.push(one)
          }
        }
      }
    }
    if (rest === undefined || rest.length === 0) return bytes
    current = rest.pop()
  }
}
