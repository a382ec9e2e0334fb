/**
 * Text that is recorded or logged, whatever it quotes: of bounded length, and as every store holds it.
 */

/** The text, cut to so many UTF-16 code units; how long it was follows what is cut. */
export const recordedText = (text: string, most: number): string => {
  const held = text.slice(0, most).toWellFormed().replaceAll("\u0000", "\ufffd")
  return text.length <= most ? held : `${held}… (${text.length} characters)`
}
