/**
 * Histories of a few orders at once, from generated commands through `decide`, as a store would
 * have recorded them.
 */
import * as Decider from "@daybook/kernel/Decider"
import * as EventId from "@daybook/kernel/EventId"
import * as Position from "@daybook/kernel/Position"
import type { Any } from "@daybook/kernel/Projection"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as Revision from "@daybook/kernel/Revision"
import * as StreamId from "@daybook/kernel/StreamId"
import type { OrderCommand } from "@daybook/order/OrderCommand"
import { decider } from "@daybook/order/OrderDecider"
import { codec, type OrderEvent } from "@daybook/order/OrderEvent"
import * as Arbitrary from "effect/Arbitrary"
import * as DateTime from "effect/DateTime"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Generated from "./OrderArbitraries.ts"
import type { Accepted } from "./orderModels.ts"

export interface History {
  readonly accepted: ReadonlyArray<Accepted>
  readonly recorded: ReadonlyArray<RecordedEvent>
}

/** A command on an order. */
export interface Asked {
  readonly id: string
  readonly command: OrderCommand
  /** Minutes after the first of January 2026. */
  readonly minute: number
  /** The actor, if one asked for it. */
  readonly actor: string | undefined
}

/** Returns the history of the commands, in their order. */
export const history = (asked: ReadonlyArray<Asked>): History => {
  const states = new Map<string, typeof decider.initialState>()
  const accepted: Array<Accepted> = []
  const recorded: Array<RecordedEvent> = []
  for (const { actor, command, id, minute } of asked) {
    const state = states.get(id) ?? decider.initialState
    const decided = decider.decide(command, state)
    if (Result.isFailure(decided)) continue
    const events = decided.success.map((event, index) =>
      recordedAs(id, event, recorded.length + index + 1, minute, actor)
    )
    recorded.push(...events)
    states.set(id, Decider.fold(decider, decided.success, state))
    accepted.push({ id, command, recorded: events })
  }
  return { accepted, recorded }
}

/** Numbers an event. Revisions equal places in the log here, so both orders are the same. */
const numbered = (n: number) => ({
  id: EventId.make(`00000000-0000-4000-8000-${String(n).padStart(12, "0")}`),
  revision: Revision.make(n),
  position: Position.make(BigInt(n))
})

/** Returns an event of today, stored as number `n`. */
export const recordedAs = (
  id: string,
  event: OrderEvent,
  n: number,
  minute: number,
  actor?: string
): RecordedEvent => {
  const { data, schemaVersion, type } = Result.getOrThrow(codec.encode(event))
  return stored(id, type, schemaVersion, data, n, minute, actor)
}

/** Returns data of a type and version, stored as number `n` of the log, counted from 1. */
export const stored = (
  id: string,
  type: string,
  schemaVersion: number,
  data: Schema.Json,
  n: number,
  minute: number,
  actor?: string
): RecordedEvent => {
  const at = DateTime.makeUnsafe(Date.UTC(2026, 0, 1, 0, minute))
  return {
    ...numbered(n),
    type,
    schemaVersion,
    data,
    metadata: actor === undefined ? {} : { actor },
    occurredAt: at,
    recordedAt: at,
    streamId: Result.getOrThrow(StreamId.make(StreamId.Category.make("order"), id))
  }
}

/**
 * Commands on three orders that share products, in turns; their times now and then stand still or
 * go back.
 */
export const asked: Arbitrary.Arbitrary<ReadonlyArray<Asked>> = Arbitrary.map(
  Arbitrary.all([Generated.commands, Generated.commands, Generated.commands]),
  (all) => {
    const turns = Math.max(...all.map(({ length }) => length))
    return Array.from({ length: turns }, (_, turn) => turn).flatMap((turn) =>
      all.flatMap((commands, order): ReadonlyArray<Asked> => {
        const command = commands[turn]
        if (command === undefined) return []
        const minute = turn + ((turn * 7 + order) % 3)
        const actor = turn % 3 === 0 ? undefined : turn % 2 === 0 ? "Priya" : "Tom"
        return [{ id: String(order), command, minute, actor }]
      })
    )
  }
)

/** Returns the rows after the events, from the definition alone: no store, no batches. */
export const fold = (
  projection: Any,
  recorded: ReadonlyArray<RecordedEvent>
): ReadonlyArray<object> => {
  const rows = new Map<string, object>()
  for (const one of recorded) {
    for (const event of Result.getOrThrow(codec.decode(one))) {
      for (const key of projection.keys(event, one)) {
        const text = JSON.stringify(key)
        const row = projection.apply(rows.get(text), event, { key, recorded: one })
        if (row === undefined) rows.delete(text)
        else rows.set(text, row)
      }
    }
  }
  return Array.from(rows.values())
}

/** Returns rows as comparable text, sorted; throws if a row is not of the schema. */
export const comparable = ({ row }: Any, rows: ReadonlyArray<unknown>): ReadonlyArray<string> => {
  const encode = Schema.encodeUnknownSync(Schema.toCodecJson(row))
  return rows.map((one) => JSON.stringify(encode(one))).toSorted()
}
