/**
 * The flags that choose a store.
 *
 * @since 0.1.0
 */
import * as Flag from "effect/cli/Flag"
import * as Data from "effect/Data"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type { Store } from "./Stores.ts"

/**
 * The kinds of stores.
 *
 * @category constants
 * @since 0.1.0
 */
export const STORES = ["memory", "embedded", "postgres"] as const

/**
 * A folder is given for a store that has none.
 *
 * @category errors
 * @since 0.1.0
 */
export class DataWithoutEmbedded extends Data.TaggedError("DataWithoutEmbedded")<{
  readonly store: string
}> {
  override get message() {
    return `--data is the folder of --store embedded, and the store is ${this.store}`
  }
}

/**
 * `--store`.
 *
 * @category flags
 * @since 0.1.0
 */
export const store = Flag.Literals("store", STORES).pipe(
  Flag.withDescription(
    "Where the log is: in this process, on an embedded Postgres, or on the server at DATABASE_URL"
  )
)

/**
 * `--data`.
 *
 * @category flags
 * @since 0.1.0
 */
export const data = Flag.String("data").pipe(
  Flag.withDescription(
    "Folder of the embedded Postgres, kept between runs; what it holds survives a killed process, not a power cut"
  ),
  Flag.withMetavar("DIR")
)

/**
 * Returns the chosen store: the embedded one unless another is named. Its folder is `folder` unless
 * another is named.
 *
 * @category constructors
 * @since 0.1.0
 */
export const storeOf = (
  flags: {
    readonly store: Option.Option<Store["_tag"]>
    readonly data: Option.Option<string>
  },
  folder: string | undefined
): Result.Result<Store, DataWithoutEmbedded> => {
  const store = Option.getOrElse(flags.store, () => "embedded" as const)
  if (store === "embedded") {
    return Result.succeed({ _tag: store, dataDir: Option.getOrElse(flags.data, () => folder) })
  }
  return Option.isSome(flags.data)
    ? Result.fail(new DataWithoutEmbedded({ store }))
    : Result.succeed({ _tag: store })
}
