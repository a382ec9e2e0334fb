/** The point of the log as of which a table or a row is folded. */
import * as Position from "@daybook/kernel/Position"
import type * as DateTime from "effect/DateTime"
import { timeOf } from "./host.ts"

export type AsOf =
  | { readonly position?: never; readonly recordedAt?: never }
  | { readonly position: Position.Position; readonly recordedAt?: never }
  | { readonly position?: never; readonly recordedAt: DateTime.Utc }

const MAX_POSITION = 9_223_372_036_854_775_807n

/** Parses a position, or a time in the zone of the viewer unless it names another. */
export const parseAsOf = (text: string): AsOf | undefined => {
  const wanted = text.trim().replaceAll(",", "")
  if (wanted === "" || wanted === "now") return {}
  const position = parsePosition(wanted)
  if (position !== undefined) return { position }
  const at = Date.parse(wanted)
  return Number.isNaN(at) ? undefined : { recordedAt: timeOf(at) }
}

export const parsePosition = (text: string): Position.Position | undefined => {
  const digits = text.trim().replaceAll(",", "")
  if (!/^\d{1,19}$/.test(digits)) return undefined
  const position = BigInt(digits)
  return position <= MAX_POSITION ? Position.make(position) : undefined
}
