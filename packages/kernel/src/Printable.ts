/**
 * Makes foreign text safe to print: it can't control a terminal, forge a line of a log, or reverse
 * letters.
 *
 * @since 0.1.0
 */

/**
 * Replaces control characters, line and paragraph separators, controls of direction and unpaired
 * surrogates by U+FFFD.
 *
 * @category operations
 * @since 0.1.0
 */
export const printable = (text: string): string =>
  text.replace(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu, "\ufffd")

/**
 * Replaces each line break or tab, with the blanks around it, by a space.
 *
 * **Details**
 * It takes linear time: an expression that matches the blanks around a break is quadratic on blanks
 * alone.
 *
 * @category operations
 * @since 0.1.0
 */
export const oneLine = (text: string): string => {
  const lines = text.split(/[\r\n\t]/)
  return lines
    .map((line, index) => {
      const begun = index === 0 ? line : line.trimStart()
      return index === lines.length - 1 ? begun : begun.trimEnd()
    })
    .filter((line, index) => line !== "" || index === 0 || index === lines.length - 1)
    .join(" ")
}

/**
 * Returns the text as one line of a log: {@link oneLine}, then {@link printable}.
 *
 * @category operations
 * @since 0.1.0
 */
export const printableLine = (text: string): string => printable(oneLine(text))

/**
 * Returns a text for any value. `String` throws for some values, such as an object without a
 * prototype.
 *
 * @category destructors
 * @since 0.1.0
 */
export const textOf = (value: unknown): string => {
  try {
    return String(value)
  } catch {
    return `a value of the type ${typeof value} without a text`
  }
}
