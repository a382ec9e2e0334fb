/**
 * PgBouncer before a server, for tests: it lends few sessions to many clients, a transaction at a time.
 *
 * The binary is that of `DAYBOOK_PGBOUNCER`, or else `/usr/sbin/pgbouncer`, where Debian's package `pgbouncer` puts it. It runs
 * for this process alone, in a folder of its own, and ends with the scope.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as PgBouncerProcess from "./internal/pgBouncerProcess.ts"

/**
 * PgBouncer did not start.
 *
 * @category errors
 * @since 0.1.0
 */
export class PgBouncerError extends Data.TaggedError("PgBouncerError")<{
  readonly cause: unknown
}> {
  override get message() {
    const cause = this.cause instanceof Error ? this.cause.message : String(this.cause)
    return `PgBouncer did not start: ${cause}`
  }
}

/**
 * How sessions are lent.
 *
 * **Details**
 * `poolSize`: how many sessions the server has for each database; 3 by default, so that clients meet on them.
 * `settings`: further lines of the section `pgbouncer` of its configuration.
 *
 * @category types
 * @since 0.1.0
 */
export interface Options {
  readonly mode?: "session" | "transaction" | undefined
  readonly poolSize?: number | undefined
  readonly settings?: Readonly<Record<string, string>> | undefined
}

/**
 * Puts a PgBouncer before the server of `url`, and gives the URL of the same database behind it.
 *
 * @category resources
 * @since 0.1.0
 */
export const before = (
  url: Redacted.Redacted<string>,
  options: Options = {}
): Effect.Effect<Redacted.Redacted<string>, PgBouncerError | Config.ConfigError, Scope.Scope> =>
  Effect.gen(function* () {
    const binary = yield* Config.String("DAYBOOK_PGBOUNCER").pipe(
      Config.withDefault("/usr/sbin/pgbouncer")
    )
    const server = new URL(Redacted.value(url))
    const settings = {
      pool_mode: options.mode ?? "transaction",
      default_pool_size: String(options.poolSize ?? 3),
      max_client_conn: "500",
      ...options.settings
    }
    const port = yield* Effect.mapError(
      PgBouncerProcess.start({ binary, server, settings }),
      (cause) => new PgBouncerError({ cause })
    )
    server.host = `127.0.0.1:${port}`
    return Redacted.make(server.href)
  })
