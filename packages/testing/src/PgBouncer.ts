/**
 * PgBouncer in front of a server, for tests: it shares few sessions among many clients, a
 * transaction at a time.
 *
 * The binary is the one that `DAYBOOK_PGBOUNCER` names, or else `/usr/sbin/pgbouncer`, where
 * Debian's package `pgbouncer` installs it. It runs for this process alone, in its own folder, and
 * stops when the scope closes.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as PgBouncerProcess from "./internal/server/pgBouncerProcess.ts"

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
 * The settings of the pooler.
 *
 * @category types
 * @since 0.1.0
 */
export interface Options {
  /** The span for which a client gets a session; a transaction by default. */
  readonly mode?: "session" | "transaction" | undefined
  /** The number of server sessions for each database; 3 by default, so that clients share them. */
  readonly poolSize?: number | undefined
  /** More lines for the section `pgbouncer` of its configuration. */
  readonly settings?: Readonly<Record<string, string>> | undefined
}

/**
 * Starts a PgBouncer in front of the server of `url`, and returns the URL of the same database
 * through it.
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
