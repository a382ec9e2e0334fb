/**
 * What an error that came through several layers is about.
 */

/** What the innermost cause says: the outer ones are about the layers it passed through. */
export const rootMessage = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  const { cause } = error
  return cause === undefined || cause === error ? error.message : rootMessage(cause)
}
