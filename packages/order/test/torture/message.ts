/**
 * The messages between the clients and the hosts: a line of JSON each.
 */
import { EventId } from "@daybook/kernel/EventId"
import { OrderCommand } from "@daybook/order/OrderCommand"
import { OrderState } from "@daybook/order/OrderState"
import * as Schema from "effect/Schema"

const ask = { ask: Schema.Int, id: Schema.String }

export const Question = Schema.TaggedUnion({
  Execute: { ...ask, commandId: Schema.String, command: OrderCommand, occurredAt: Schema.Int },
  Load: ask,
  /** Gives all events after a position. */
  Follow: { after: Schema.BigInt }
})

export type Question = typeof Question.Type

export const Reply = Schema.TaggedUnion({
  Ready: {},
  Accepted: { ask: Schema.Int, revision: Schema.Int, events: Schema.Int, state: OrderState },
  Rejected: { ask: Schema.Int },
  Loaded: { ask: Schema.Int, revision: Schema.Int, state: OrderState },
  /** The command may have been executed all the same. */
  Failed: { ask: Schema.Int, error: Schema.String, message: Schema.String },
  Given: { eventId: EventId, position: Schema.BigInt }
})

export type Reply = typeof Reply.Type

export const writeQuestion = Schema.encodeSync(Schema.fromJsonString(Schema.toCodecJson(Question)))
export const readQuestion = Schema.decodeSync(Schema.fromJsonString(Schema.toCodecJson(Question)))
export const writeReply = Schema.encodeSync(Schema.fromJsonString(Schema.toCodecJson(Reply)))
export const readReply = Schema.decodeSync(Schema.fromJsonString(Schema.toCodecJson(Reply)))

/** Calls `onLine` with each whole line of the input; a last line that was cut off is ignored. */
export const lines = (onLine: (line: string) => void) => {
  let rest = ""
  return (chunk: Buffer) => {
    const all = (rest + chunk.toString()).split("\n")
    rest = all.pop() ?? ""
    for (const line of all) onLine(line)
  }
}
