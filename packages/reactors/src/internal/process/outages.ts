/**
 * Outages of stores, which pass, unlike the errors of a definition.
 */
import type { CommandError } from "@daybook/store/CommandHandler"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Schedule from "effect/Schedule"
import type { ConsumerGroupsError } from "../../ConsumerGroup.ts"
import type { ProcessTimersError } from "../../ProcessTimers.ts"

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
  | ConsumerGroupsError
  | ProcessTimersError
  | Extract<
      CommandError,
      { readonly _tag: "EventStoreError" | "Overloaded" | "WrongExpectedRevision" }
    >

const OUTAGES: ReadonlySet<Outage["_tag"]> = new Set([
  "EventStoreError",
  "ConsumerGroupsError",
  "ProcessTimersError",
  "Overloaded",
  // Many others write to the stream.
  "WrongExpectedRevision"
] as const)

const isOutage = (error: unknown): boolean =>
  Predicate.hasProperty(error, "_tag") && (OUTAGES as ReadonlySet<unknown>).has(error._tag)
