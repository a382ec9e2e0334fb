/**
 * Returns true if arrays and objects of a JSON text are nested deeper than `limit`.
 *
 * It reads the text once and without recursion, before anything that recurses sees the value.
 */
export const nestingExceeds = (text: string, limit: number): boolean => {
  let depth = 0
  let inString = false
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (inString) {
      if (code === BACKSLASH) index++
      else if (code === QUOTE) inString = false
    } else if (code === QUOTE) inString = true
    else if (code === BRACE || code === BRACKET) {
      if (++depth > limit) return true
    } else if (code === BRACE_END || code === BRACKET_END) depth--
  }
  return false
}

const QUOTE = 34
const BRACKET = 91
const BACKSLASH = 92
const BRACKET_END = 93
const BRACE = 123
const BRACE_END = 125
