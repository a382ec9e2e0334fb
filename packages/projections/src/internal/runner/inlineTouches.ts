/**
 * The rows that appends touch, and the bounds of a call of several appends.
 */
import type * as Projection from "@daybook/kernel/Projection"
import * as StreamId from "@daybook/kernel/StreamId"
import * as Duration from "effect/Duration"
import type { StoredKey } from "../../driver/ReadModelTable.ts"
import type { InlineAppend } from "../../ReadModelStore.ts"
import { type AnyModel, keysToTouch } from "../fold/rowFold.ts"

/** The rows that events touch, by read model. */
export type Touches = InlineAppend<unknown, unknown>["touches"]

/**
 * The longest wait for each lock of a call in a fast lane: longer than a call of another host
 * takes, and short, since further appends wait behind the call.
 */
export const BRIEF_WAIT = Duration.millis(200)

/**
 * The most rows that a call of several appends may lock: each takes an entry in the lock table of
 * the server, as each of its streams does.
 */
const MAX_ROWS = 128

/** Returns the touches of events, for the read models of their categories. */
export const touchesOf = (
  models: ReadonlyMap<string, AnyModel>,
  events: ReadonlyArray<Projection.PendingEvent>
): Touches => {
  const categories = new Set(events.map(({ streamId }) => StreamId.category(streamId)))
  return Array.from(models.values())
    .filter(({ projection }) => projection.from.some(({ category }) => categories.has(category)))
    .map((model) => ({ table: model.table, keys: keysToTouch(model, events) }))
}

/** Returns the touches of several appends as those of one, each row once. */
export const union = (all: ReadonlyArray<Touches>): Touches => {
  const [first, ...more] = all
  if (first !== undefined && more.length === 0) return first
  const tables = new Map<
    string,
    { table: Touches[number]["table"]; keys: Map<string, StoredKey> }
  >()
  for (const { keys, table } of all.flat()) {
    let found = tables.get(table.name)
    if (found === undefined) {
      found = { table, keys: new Map() }
      tables.set(table.name, found)
    }
    for (const key of keys) found.keys.set(table.keyText(key), key)
  }
  return Array.from(tables.values(), ({ keys, table }) => ({
    table,
    keys: Array.from(keys.values())
  }))
}

/** Accepts the appends that fit in one call, by their touches. */
export const fitting = () => {
  let rows = 0
  return (touches: Touches): boolean => {
    for (const { keys } of touches) rows += keys.length
    return rows <= MAX_ROWS
  }
}
