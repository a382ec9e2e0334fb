/**
 * Folds the pages of a loop, and measures its rate.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import type { GenerationState } from "../../driver/ReadModelGeneration.ts"
import { advance, type ClaimedModel, type Page } from "./advance.ts"
import * as Metrics from "./metrics.ts"
import type { Runner } from "./runner.ts"

/** Folds pages one after the other, and measures the rate. */
export const makePageApplier = Effect.fnUntraced(function* (
  { changes, store }: Runner,
  held: ClaimedModel,
  role: GenerationState["role"],
  concurrency: 1 | "unbounded" = "unbounded"
) {
  const { name } = held.model.table
  const counted = { projection: name, role }
  const taken = Metric.withAttributes(Metrics.events, counted)
  const steps = Metric.withAttributes(Metrics.steps, counted)
  let since = yield* Clock.currentTimeMillis
  let events = 0
  let eventsPerSecond = 0
  return Effect.fnUntraced(function* (page: Page) {
    yield* advance(store, held, page, { eventsPerSecond, concurrency })
    changes.notifyUnsafe(name, "step")
    const now = yield* Clock.currentTimeMillis
    events += page.events.length
    // Measured over a second at least: the rate of a single page would only reflect its size.
    if (now - since >= 1_000) {
      eventsPerSecond = (events * 1_000) / (now - since)
      since = now
      events = 0
    }
    yield* Metric.update(taken, page.events.length)
    yield* Metric.update(steps, 1)
  })
})
