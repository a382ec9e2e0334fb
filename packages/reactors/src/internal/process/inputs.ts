/**
 * Delivers the events that processes follow.
 */
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as Effect from "effect/Effect"
import { throughOutages } from "./outages.ts"
import { causeOf, type Deliveries, inputOfEvent, type Take } from "./step.ts"

/** Delivers an event to the process `key`, if it is an input of that. */
export const deliver = <Event>(
  deliveriesOf: (recorded: RecordedEvent) => Deliveries<Event>,
  take: Take<Event>
) =>
  Effect.fnUntraced(function* (recorded: RecordedEvent, key: string) {
    const deliveries = yield* Effect.fromResult(deliveriesOf(recorded).deliveries)
    for (const [index, delivery] of deliveries.entries()) {
      if (delivery.id === key)
        yield* throughOutages(take(delivery, inputOfEvent(recorded, index), causeOf(recorded)))
    }
  })
