/**
 * The ends of a command: its failures, and the exit status of each.
 *
 * | Status   | after                                                                             |
 * | -------- | --------------------------------------------------------------------------------- |
 * | 0        | the command did what it was asked                                                 |
 * | 1        | it failed                                                                         |
 * | 2        | the flags, the context or the configuration are wrong                             |
 * | 3        | `verify`, `doctor` or `migrate status` found a fault                              |
 * | 4        | the named stream, read model, group or context does not exist                     |
 * | 5        | the database can't be reached, or the folder is in use                            |
 * | 6        | the login may not do it                                                           |
 * | 130, 143 | a signal, SIGINT or SIGTERM                                                       |
 */
import { printableLine } from "@daybook/kernel/Printable"
import * as StartFailure from "@daybook/store/StartFailure"
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Predicate from "effect/Predicate"

/** The flags, the context or the configuration are wrong. */
export class Misused extends Data.TaggedError("Misused")<{ readonly problem: string }> {
  override get message() {
    return this.problem
  }
}

/** A named thing does not exist. */
export class Missing extends Data.TaggedError("Missing")<{
  readonly what: string
  readonly name: string
  /** The names that exist, if they are few. */
  readonly known?: ReadonlyArray<string>
}> {
  override get message() {
    const known =
      this.known === undefined
        ? ""
        : this.known.length === 0
          ? ": there is none"
          : `: there are ${this.known.join(", ")}`
    return printableLine(`There is no ${this.what} ${this.name}${known}`)
  }
}

/** A check ended with faults, which the command has printed. */
export class FaultsFound extends Data.TaggedError("FaultsFound")<{ readonly summary: string }> {
  override get message() {
    return this.summary
  }
}

/** The reader of standard output has gone, as `head` does: the end of the command, and no fault. */
export class ReaderGone extends Data.TaggedError("ReaderGone")<{}> {
  override get message() {
    return "The reader of the output has gone"
  }
}

const UNAVAILABLE = new Set([
  "PostgresUnavailable",
  "EmbeddedPostgresError",
  "InRecovery",
  "ConnectionError",
  "effect/sql/SqlError/ConnectionError"
])

const REFUSED = new Set(["NotPermitted", "AuthorizationError", "AuthenticationError"])

const WRONG = new Set([
  "Misused",
  "InvalidDatabaseUrl",
  "CertificateUnusable",
  "ConfigError",
  "InvalidStreamId",
  "InvalidReadOption",
  "InvalidQuery"
])

/** Returns the status of a failure. */
export const statusOf = (cause: Cause.Cause<unknown>): number => {
  if (Cause.hasDies(cause)) return 1
  const tags = tagsOf(Cause.squash(cause))
  if (tags.includes("ReaderGone")) return 0
  if (tags.includes("FaultsFound")) return 3
  if (tags.includes("Missing")) return 4
  if (tags.some((tag) => REFUSED.has(tag))) return 6
  if (tags.some((tag) => UNAVAILABLE.has(tag))) return 5
  return tags.some((tag) => WRONG.has(tag)) ? 2 : 1
}

/** Returns the line that reports a failure; none for the end of a reader. */
export const lineOf = (cause: Cause.Cause<unknown>): string | undefined => {
  if (Cause.hasInterruptsOnly(cause)) return "interrupted"
  if (Cause.hasDies(cause)) return `a bug: ${Cause.pretty(cause)}`
  const error = Cause.squash(cause)
  if (error instanceof ReaderGone) return undefined
  if (error instanceof Misused || error instanceof Missing || error instanceof FaultsFound) {
    return printableLine(error.message)
  }
  const line = StartFailure.lineOf(cause)
  // The line names the module that a host would run.
  return tagsOf(error).includes("NotMigrated")
    ? line.replace(/run \w+Migrations$/, "run daybook migrate")
    : line
}

/** The most errors in a chain of causes, which may form a cycle. */
const MAX_DEPTH = 20

const tagsOf = (error: unknown): ReadonlyArray<string> => {
  const tags: Array<string> = []
  const waiting = [error]
  for (let depth = 0; depth < MAX_DEPTH; depth++) {
    const current = waiting.shift()
    if (!Predicate.isObject(current)) continue
    if (Predicate.hasProperty(current, "_tag") && typeof current._tag === "string") {
      tags.push(current._tag)
    }
    if (Predicate.hasProperty(current, "reason")) waiting.push(current.reason)
    if (Predicate.hasProperty(current, "cause")) waiting.push(current.cause)
  }
  return tags
}
