/**
 * The identity of a log, which distinguishes its positions from those of every other log.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * A UUID in lower case, drawn once when the log is made. A copy of the log has the same.
 *
 * @category types
 * @since 0.1.0
 */
export const LogId = Schema.String.check(
  Schema.isPattern(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, {
    expected: "a UUID in lower case"
  })
).pipe(Schema.brand("LogId"))

/**
 * @category types
 * @since 0.1.0
 */
export type LogId = typeof LogId.Type

/**
 * The log id of a UUID. Throws unless `uuid` is a lower-case UUID.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (uuid: string): LogId => LogId.make(uuid)
