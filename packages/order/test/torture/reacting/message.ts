/**
 * The messages between clients and hosts: a line of JSON each.
 */
import { OrderCommand } from "@daybook/order/OrderCommand"
import { PaymentCommand } from "@daybook/order/Payment"
import * as Schema from "effect/Schema"

export const Target = Schema.TaggedUnion({
  Order: { command: OrderCommand },
  Payment: { command: PaymentCommand }
})

export type Target = typeof Target.Type

const Question = Schema.Struct({
  ask: Schema.Int,
  id: Schema.String,
  commandId: Schema.String,
  occurredAt: Schema.Int,
  target: Target
})

export type Question = typeof Question.Type

const Reply = Schema.TaggedUnion({
  Ready: {},
  Accepted: { ask: Schema.Int, revision: Schema.Int, events: Schema.Int },
  Rejected: { ask: Schema.Int },
  /** The command may have been executed all the same. */
  Failed: { ask: Schema.Int, error: Schema.String, message: Schema.String }
})

export type Reply = typeof Reply.Type

export const writeQuestion = Schema.encodeSync(Schema.fromJsonString(Schema.toCodecJson(Question)))
export const readQuestion = Schema.decodeSync(Schema.fromJsonString(Schema.toCodecJson(Question)))
export const writeReply = Schema.encodeSync(Schema.fromJsonString(Schema.toCodecJson(Reply)))
export const readReply = Schema.decodeSync(Schema.fromJsonString(Schema.toCodecJson(Reply)))
