/**
 * The setting that decides whether appends wait for the disk.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"

/** Documented at its export. */
export const Durability = Context.Reference<"synchronous" | "asynchronous">(
  "@daybook/store/EventStorePostgres/Durability",
  { defaultValue: () => "synchronous" }
)

/**
 * SQL that follows the columns of an answer.
 *
 * The functions that append make their transaction wait for the disk, whatever the session's
 * settings are. A store that is configured not to wait undoes that after their call.
 */
export const asynchronousCommitColumn: Effect.Effect<string> = Effect.map(
  Durability,
  (durability) =>
    durability === "asynchronous"
      ? ", pg_catalog.set_config('synchronous_commit', 'off', true)"
      : ""
)
