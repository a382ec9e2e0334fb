/**
 * The codec of a process's stream: its own events, and the events of its steps.
 */
import * as Schema from "effect/Schema"
import type { EventCodec } from "../EventCodec.ts"
import * as ProcessEvents from "../ProcessEvent.ts"
import type { ProcessEvent } from "../ProcessEvent.ts"

/** Throws when an own event has the name of an event of the steps. */
export const processCodec = <Own extends { readonly _tag: string }>(
  name: string,
  own: EventCodec<Own>
): EventCodec<Own | ProcessEvent> => {
  const steps = ProcessEvents.codec
  const ofSteps = new Set(steps.types)
  const taken = own.types.find((type) => ofSteps.has(type))
  if (taken !== undefined) throw new Error(`${name} has the reserved event type ${taken}`)
  return {
    name: `process_${name}`,
    events: Schema.Union([own.events, steps.events]),
    types: [...own.types, ...steps.types],
    versions: [...own.versions, ...steps.versions],
    encode: (event) =>
      ProcessEvents.isProcessEvent(event) ? steps.encode(event) : own.encode(event),
    decode: (stored) => (ofSteps.has(stored.type) ? steps.decode(stored) : own.decode(stored))
  }
}
