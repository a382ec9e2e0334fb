/**
 * The identity of a command. The ids of its events derive from it, so a command that is repeated
 * after a lost answer takes effect once.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * A UUID in lower case.
 *
 * @category types
 * @since 0.1.0
 */
export const CommandId = Schema.String.check(
  Schema.isPattern(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, {
    expected: "a UUID in lower case"
  })
).pipe(Schema.brand("CommandId"))

/**
 * @category types
 * @since 0.1.0
 */
export type CommandId = typeof CommandId.Type

/**
 * The command id of a UUID. Throws unless `uuid` is a lower-case UUID.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (uuid: string): CommandId => CommandId.make(uuid)
