/**
 * Text that is recorded or logged, whatever it quotes: of bounded length, and as every store holds it.
 */

/** The text, cut to at most so many UTF-16 code units, the end included that says how long it was. */
export const recordedText = (text: string, most: number): string => {
  if (text.length <= most) return held(text)
  const end = `… (${text.length} characters)`
  return held(text.slice(0, Math.max(0, most - end.length))) + end
}

const held = (text: string): string => text.toWellFormed().replaceAll("\u0000", "\ufffd")
