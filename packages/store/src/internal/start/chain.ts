/**
 * An error with the causes that it wraps, and their text for people.
 */
import { printable } from "@daybook/kernel/Printable"
import * as Inspectable from "effect/Inspectable"
import * as Predicate from "effect/Predicate"

/** An error and its causes, outermost first. */
export type Chain = readonly [unknown, ...ReadonlyArray<unknown>]

/** The maximum number of causes: causes may form a cycle. */
const MAX_DEPTH = 20

export const chainOf = (error: unknown): Chain => {
  const inner: Array<unknown> = []
  let current = error
  while (inner.length < MAX_DEPTH) {
    const next = causeOf(current)
    if (next === undefined || next === current || inner.includes(next)) break
    inner.push(next)
    current = next
  }
  return [error, ...inner]
}

const causeOf = (error: unknown): unknown => {
  if (Predicate.hasProperty(error, "reason") && hidesAnother(error.reason)) return error.reason
  if (Predicate.hasProperty(error, "cause") && error.cause !== undefined) return error.cause
  // Node reports a failure on several addresses as an AggregateError without a message.
  if (error instanceof AggregateError && error.errors.length > 0) return error.errors[0]
  return undefined
}

const hidesAnother = (value: unknown): boolean =>
  value instanceof Error || Predicate.hasProperty(value, "cause")

/** Errors that name the place themselves, so that their causes must not be shown without them. */
const WHOLE = new Set([
  "InvalidDatabaseUrl",
  "CertificateUnusable",
  "PostgresUnavailable",
  "NoPrimary",
  "PoolerForgetsStatements",
  "NotMigrated",
  "NotPermitted",
  "InRecovery",
  "EmbeddedPostgresError",
  "PostgresServerError",
  "ConfigError"
])

export const tagOf = (error: unknown): string | undefined =>
  Predicate.hasProperty(error, "_tag") && typeof error._tag === "string" ? error._tag : undefined

/**
 * Returns the message of an error in `WHOLE`, or else the innermost: other outer ones name code.
 */
export const textOf = (chain: Chain): string => {
  const whole = chain.find((error) => WHOLE.has(tagOf(error) ?? ""))
  return messageOf(whole ?? chain[chain.length - 1])
}

const messageOf = (error: unknown): string => {
  // A `ConfigError` is no `Error` of JavaScript.
  if (tagOf(error) === "ConfigError" && Predicate.hasProperty(error, "message")) {
    return `Configuration: ${String(error.message)}`
  }
  if (error instanceof Error) {
    const { message } = error
    if (message === "") return error.name
    return message.replace(/^(PgConnection|PgClient|PgProtocol): /, "")
  }
  return typeof error === "string" ? error : Inspectable.toStringUnknown(error)
}

/**
 * Makes foreign text safe for a log: on one line unless `shape` is "lines", and without the part of
 * a URL before its host.
 */
export const forPeople = (text: string, shape: "line" | "lines" = "line"): string => {
  const withoutSecrets = text
    .split(/(\s+)/)
    .map(withoutUser)
    .join("")
    .replace(
      /((?:pass(?:word|wd)?|connect_timeout in URL|sslmode in URL)\s*[:=]\s*)("[^"]*"|\S+)/gi,
      "$1***"
    )
  return shape === "line"
    ? withoutSecrets.replace(/[\s\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}]+/gu, " ").trim()
    : withoutSecrets.split("\n").map(printable).join("\n")
}

/**
 * Removes the part of a URL before its host from a word. A regular expression that looks for the
 * `@` would be quadratic.
 */
const withoutUser = (word: string): string => {
  const start = word.indexOf("://")
  const end = word.lastIndexOf("@")
  return start < 0 || end < start ? word : `${word.slice(0, start + 3)}${word.slice(end + 1)}`
}
