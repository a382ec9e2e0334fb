/**
 * The message of the innermost cause of an error, for your own errors, logs and pages.
 *
 * @since 0.1.0
 */
import * as Internal from "./internal/start/rootMessage.ts"

/**
 * Returns the message of the innermost cause, such as the constraint that a row broke: the outer
 * messages are about the layers that the error passed through.
 *
 * **Details**
 * Shape: one line of printable text, at most 2,000 UTF-16 code units. A longer message is cut, and
 * its length appended.
 *
 * @category destructors
 * @since 0.1.0
 */
export const rootMessage = (error: unknown): string => Internal.rootMessage(error)
