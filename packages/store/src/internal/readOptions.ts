/**
 * What every store does to the options of a read before it reads.
 */
import { EventType } from "@daybook/kernel/NewEvent"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { InvalidReadOption } from "../EventStore.ts"

const isEventType = Schema.is(EventType)

/**
 * The same options, if they are in range.
 *
 * **Details**
 * A type that no event can have is refused rather than never found: stores differ in which texts
 * they can even search for.
 */
export const readOptions = <
  Options extends {
    readonly limit?: number | undefined
    readonly types?: ReadonlyArray<string> | undefined
  }
>(
  options: Options
): Result.Result<Options, InvalidReadOption> => {
  const { limit, types } = options
  if (limit !== undefined && !(Number.isSafeInteger(limit) && limit >= 0)) {
    return Result.fail(
      new InvalidReadOption({
        option: "limit",
        value: String(limit),
        allowed: "a whole number, 0 or more"
      })
    )
  }
  const unknown = types?.find((type) => !isEventType(type))
  return unknown === undefined
    ? Result.succeed(options)
    : Result.fail(
        new InvalidReadOption({
          option: "types",
          value: JSON.stringify(unknown),
          allowed: "event types"
        })
      )
}
