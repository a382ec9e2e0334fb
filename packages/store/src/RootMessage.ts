/**
 * The message of the innermost cause of an error, for errors, logs and pages of one's own.
 *
 * @since 0.1.0
 */
import * as Internal from "./internal/start/rootMessage.ts"

/**
 * The message of the innermost cause, such as the constraint that a row broke: the outer messages are about the layers that the
 * error passed through.
 *
 * **Details**
 * One line of printable text, whatever the message holds. At most 2,000 UTF-16 code units; what is longer is cut, and its length
 * follows.
 *
 * @category destructors
 * @since 0.1.0
 */
export const rootMessage = (error: unknown): string => Internal.rootMessage(error)
