/**
 * Recognizes the errors of a database that does not answer. Such an outage ends by itself, without
 * an act on the read model.
 */
import * as Predicate from "effect/Predicate"
import { SqlError } from "effect/sql/SqlError"

// Connection exceptions, insufficient resources, and operator intervention, which is a server that
// shuts down or starts up (PostgreSQL, "Error Codes").
const AWAY = /^(08|53|57P)/

/** A limit, since errors may name each other as their cause. */
const MAX_DEPTH = 32

export const isOutage = (error: unknown): boolean => {
  let current = error
  for (let depth = 0; depth < MAX_DEPTH && current instanceof Error; depth++) {
    if (current instanceof SqlError && current.reason._tag === "ConnectionError") return true
    if (Predicate.hasProperty(current, "code") && AWAY.test(String(current.code))) return true
    current = current.cause
  }
  return false
}
