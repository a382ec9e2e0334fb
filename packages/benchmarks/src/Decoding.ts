/**
 * The cost of the codec over parsing: the same stored events folded through it, and by hand.
 */
import { decodeRecorded } from "@daybook/kernel/EventCodec"
import * as Position from "@daybook/kernel/Position"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as Revision from "@daybook/kernel/Revision"
import { aggregate } from "@daybook/order/Order"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { Contender, Opens } from "./Appender.ts"
import * as Orders from "./Orders.ts"

/** Folds all events from their texts, and returns a number to check. */
export interface Decoder extends Contender {
  readonly fold: () => number
}

export const EVENTS = 1_000

const at = DateTime.makeUnsafe(0)

const stored = Orders.history(EVENTS).map((event, index) => ({
  text: JSON.stringify(event.data),
  recorded: {
    ...event,
    streamId: Orders.streamId("decoding"),
    revision: Revision.make(index + 1),
    position: Position.make(BigInt(index + 1)),
    recordedAt: at
  }
}))

const yardstick = "JSON.parse and a hand-written fold"

const codec: Decoder = {
  name: "JSON.parse, the codec and evolve",
  yardstick,
  fold: () => {
    let state = aggregate.decider.initialState
    for (const { recorded, text } of stored) {
      recorded.data = JSON.parse(text) as RecordedEvent["data"]
      const events = Result.getOrThrow(decodeRecorded(aggregate.codec, recorded))
      for (const event of events) state = aggregate.decider.evolve(state, event)
    }
    return state._tag === "Draft" ? state.lines.length : 0
  }
}

/** Parses without a schema, then evolves like the codec's events. */
const byHand: Decoder = {
  name: yardstick,
  fold: () => {
    let state = aggregate.decider.initialState
    for (const { recorded, text } of stored) {
      // Unchecked on purpose: the comparison is with parsing without checks.
      const event = { ...(JSON.parse(text) as object), _tag: recorded.type } as Parameters<
        typeof aggregate.decider.evolve
      >[1]
      state = aggregate.decider.evolve(state, event)
    }
    return state._tag === "Draft" ? state.lines.length : 0
  }
}

export const opens: Opens<Decoder> = [codec, byHand].map(
  (decoder) => [decoder.name, Effect.succeed(decoder)] as const
)
