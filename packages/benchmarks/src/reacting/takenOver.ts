/**
 * The reactor of hosts of which one is killed.
 */
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import { Category } from "@daybook/kernel/StreamId"
import * as Reactor from "@daybook/reactors/Reactor"
import * as Effect from "effect/Effect"

export const GROUP = "taken_over"

export const CATEGORY = Category.make("takeover")

export const reactor = (seen: (event: RecordedEvent) => void) =>
  Reactor.make({
    name: GROUP,
    from: "now",
    categories: [CATEGORY],
    react: (event: RecordedEvent) => Effect.sync(() => seen(event))
  })
