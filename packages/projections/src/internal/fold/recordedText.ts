/**
 * Text that can be recorded or logged, whatever it quotes: bounded, and storable in every store.
 */

/** Cuts a text to at most `most` UTF-16 code units, including an end with its original length. */
export const recordedText = (text: string, most: number): string => {
  if (text.length <= most) return held(text)
  const end = `… (${text.length} characters)`
  return held(text.slice(0, Math.max(0, most - end.length))) + end
}

const held = (text: string): string => text.toWellFormed().replaceAll("\u0000", "\ufffd")
