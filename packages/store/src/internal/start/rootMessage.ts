/**
 * The message of the innermost cause of an error that came through several layers.
 */
import { printableLine } from "@daybook/kernel/Printable"
import * as Cause from "effect/Cause"
import * as Formatter from "effect/Formatter"
import * as Predicate from "effect/Predicate"

/** The maximum number of layers: errors may name each other as their cause. */
const MAX_DEPTH = 32

/** The longest message, in UTF-16 code units: it goes into logs, spans and metrics. */
const MAX_MESSAGE_LENGTH = 2_000

/** Returns the innermost message: the outer ones are about the layers it passed through. */
export const rootMessage = (error: unknown): string => {
  const found = innermost(error, MAX_DEPTH)
  return cut(printableLine(found === "" && error instanceof Error ? error.name : found))
}

/** Returns the innermost message; empty when no layer has one. */
const innermost = (error: unknown, depth: number): string => {
  if (Cause.isCause(error)) return innermost(Cause.squash(error), depth - 1)
  if (!(error instanceof Error)) return textOf(error)
  const { cause } = error
  const inner =
    cause === undefined || cause === error || depth <= 0 ? "" : innermost(cause, depth - 1)
  if (inner !== "") return inner
  // Node reports a refused connection as an error per address, in an error without a message.
  if (error.message === "" && error instanceof AggregateError && depth > 0) {
    const messages = error.errors.map((one: unknown) => innermost(one, depth - 1))
    return messages.join("; ")
  }
  return error.message
}

/**
 * Returns a text for anything thrown: an object without a prototype, for example, has none itself.
 */
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
