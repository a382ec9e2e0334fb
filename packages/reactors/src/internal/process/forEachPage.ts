/**
 * Consumes the pages of a range, and repeats a page whose work met an outage.
 */
import type { CommandError } from "@daybook/store/CommandHandler"
import type { EventStoreError } from "@daybook/store/EventStore"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import type { ConsumerGroupsError } from "../../ConsumerGroup.ts"
import type { Assignment, Page } from "../../ConsumerGroups.ts"
import type { ProcessTimersError } from "../../ProcessTimers.ts"

/** Handles each page of the range; `handle` commits it, and may run again. */
export const forEachPage = <E, R>(
  { pages }: Assignment,
  handle: (page: Page) => Effect.Effect<void, E, R>
) => Stream.runForEach(pages, (page) => throughOutages(handle(page)))

/** Runs the effect again after an outage, for as long as the outage lasts. */
export const throughOutages = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  effect.pipe(
    Effect.tapError((error) =>
      isOutage(error) ? Effect.logWarning("A process waits for its store", error) : Effect.void
    ),
    Effect.retry({ while: isOutage, schedule: BACK_OFF })
  )

const BACK_OFF = Schedule.exponential("100 millis").pipe(
  Schedule.modifyDelay(({ duration }) =>
    Effect.succeed(Duration.min(duration, Duration.seconds(5)))
  )
)

type Outage =
  | EventStoreError
  | ConsumerGroupsError
  | ProcessTimersError
  | Extract<CommandError, { readonly _tag: "Overloaded" | "WrongExpectedRevision" }>

const OUTAGES: ReadonlySet<Outage["_tag"]> = new Set([
  "EventStoreError",
  "ConsumerGroupsError",
  "ProcessTimersError",
  "Overloaded",
  // A stream that many write to.
  "WrongExpectedRevision"
] as const)

const isOutage = (error: unknown): boolean =>
  Predicate.hasProperty(error, "_tag") && (OUTAGES as ReadonlySet<unknown>).has(error._tag)
