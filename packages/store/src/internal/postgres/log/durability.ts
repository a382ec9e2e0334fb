/**
 * Whether appends wait for the disk.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"

/** Documented where it is exported. */
export const Durability = Context.Reference<"synchronous" | "asynchronous">(
  "@daybook/store/EventStorePostgres/Durability",
  { defaultValue: () => "synchronous" }
)

/**
 * SQL that follows the columns of an answer.
 *
 * The functions that append make their transaction wait for the disk, whatever its session has been set to. A store that was told not to
 * wait undoes that, when they have been called.
 */
export const afterAppend: Effect.Effect<string> = Effect.map(Durability, (durability) =>
  durability === "asynchronous" ? ", pg_catalog.set_config('synchronous_commit', 'off', true)" : ""
)
