/**
 * What an error that came through several layers is about.
 */
import { printableLine } from "@daybook/kernel/Printable"
import * as Cause from "effect/Cause"
import * as Formatter from "effect/Formatter"
import * as Predicate from "effect/Predicate"

/** How many layers are looked through: errors may name each other as their cause. */
const MAX_DEPTH = 32

/** How long a message is at most, in UTF-16 code units: it goes into logs, spans and metrics. */
const MAX_MESSAGE_LENGTH = 2_000

/** What the innermost cause says: the outer ones are about the layers it passed through. */
export const rootMessage = (error: unknown): string => {
  const found = innermost(error, MAX_DEPTH)
  return cut(printableLine(found === "" && error instanceof Error ? error.name : found))
}

/** Empty when no layer says anything. */
const innermost = (error: unknown, depth: number): string => {
  if (Cause.isCause(error)) return innermost(Cause.squash(error), depth - 1)
  if (!(error instanceof Error)) return textOf(error)
  const { cause } = error
  const inner =
    cause === undefined || cause === error || depth <= 0 ? "" : innermost(cause, depth - 1)
  if (inner !== "") return inner
  // Node reports a refused connection as several errors of its addresses, without a message of their own.
  if (error.message === "" && error instanceof AggregateError && depth > 0) {
    const messages = error.errors.map((one: unknown) => innermost(one, depth - 1))
    return messages.join("; ")
  }
  return error.message
}

/** Of anything that was thrown: an object need not have a text of its own, as one without a prototype. */
const textOf = (thrown: unknown): string => {
  if (Predicate.hasProperty(thrown, "message") && typeof thrown.message === "string") {
    return thrown.message
  }
  return typeof thrown === "string" ? thrown : Formatter.format(thrown)
}

const cut = (text: string): string =>
  text.length <= MAX_MESSAGE_LENGTH
    ? text
    : `${text.slice(0, MAX_MESSAGE_LENGTH).toWellFormed()}… (${text.length} characters)`
