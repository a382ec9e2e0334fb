/**
 * Delivers the events that processes follow.
 */
import type { EventDecodeError } from "@daybook/kernel/EventCodec"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { Assignment } from "../../ConsumerGroups.ts"
import { keyOf } from "../../ConsumerGroup.ts"
import { byKey } from "./byKey.ts"
import { forEachPage } from "./forEachPage.ts"
import { causeOf, type Deliveries, inputOfEvent, type Take } from "./step.ts"

/** The processes that take steps at once. */
const AT_ONCE = 16

/** Delivers the events of one range, those of a process in their order. */
export const runInputs = <Event>(
  deliveriesOf: (recorded: RecordedEvent) => Result.Result<Deliveries<Event>, EventDecodeError>,
  take: Take<Event>
) => {
  const deliver = Effect.fnUntraced(function* (recorded: RecordedEvent) {
    const { deliveries } = yield* Effect.fromResult(deliveriesOf(recorded))
    for (const [index, delivery] of deliveries.entries()) {
      yield* take(delivery, inputOfEvent(recorded, index), causeOf(recorded))
    }
  })
  return (assignment: Assignment) =>
    forEachPage(assignment, ({ checkpoint, events }) =>
      Effect.forEach(
        byKey(events, (event) => keyOf(assignment.group, event)),
        (ofKey) => Effect.forEach(ofKey, deliver, { discard: true }),
        { concurrency: AT_ONCE, discard: true }
      ).pipe(Effect.andThen(assignment.commit(checkpoint)))
    )
}
