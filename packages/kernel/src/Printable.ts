/**
 * Text of others for a log or a terminal: what somebody else wrote must not steer a terminal, forge a line of a log, or turn
 * letters around.
 *
 * @since 0.1.0
 */

/**
 * The text with U+FFFD in the place of control characters, line and paragraph separators, controls of direction, and
 * unpaired surrogates.
 *
 * @category operations
 * @since 0.1.0
 */
export const printable = (text: string): string =>
  text.replace(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu, "\ufffd")

/**
 * The text with a space in the place of its line breaks and tabs, and of the blanks around them.
 *
 * **Details**
 * In linear time: an expression that takes in the blanks around a break is quadratic on blanks alone.
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
 * One line of a log: {@link oneLine} and then {@link printable}.
 *
 * @category operations
 * @since 0.1.0
 */
export const printableLine = (text: string): string => printable(oneLine(text))

/**
 * A text for any value, whatever was given or thrown: `String` throws for some, as for an object without a prototype.
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
