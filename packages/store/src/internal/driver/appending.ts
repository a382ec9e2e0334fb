/**
 * The appends of every store: checked and encoded, counted, in spans.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as Result from "effect/Result"
import type { EventStoreDriver } from "../../driver/EventStoreDriver.ts"
import {
  type AppendError,
  AppendRefused,
  EventIdConflict,
  type EventStore,
  EventStoreError,
  WrongExpectedRevision
} from "../../EventStore.ts"
import { Overloaded } from "../../Overloaded.ts"
import { encodeAppend, encodeAppends } from "./encodeAppends.ts"
import { failed } from "./failed.ts"
import { inSpan } from "./inSpan.ts"

const appends = Metric.counter("daybook_appends", {
  description:
    "Calls of append and appendAll, by store and outcome: appended, or the tag of the error"
})
const appendedEvents = Metric.counter("daybook_appended_events", {
  description: "Events in acknowledged appends, repeated ones included, by store"
})
const appendSeconds = Metric.histogram("daybook_append_seconds", {
  description:
    "Seconds from a call of append or appendAll to its acknowledgement, of one call in eight, by store",
  boundaries: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
})

/** One call in so many is timed: two looks at the clock cost more than both counters. */
const TIMED = 8

export const make = <E>(
  driver: Pick<EventStoreDriver<E>, "append" | "appendOne" | "name">
): Pick<EventStore["Service"], "append" | "appendAll"> => {
  const { append, name: store } = driver
  const appendOne =
    driver.appendOne ?? ((one) => Effect.map(append([one]), ([appended]) => appended))
  const appended = Metric.withAttributes(appends, { store, outcome: "appended" })
  const events = Metric.withAttributes(appendedEvents, { store })
  const seconds = Metric.withAttributes(appendSeconds, { store })

  let calls = 0

  /** Times a call, if its turn has come: returns a function that ends the measurement. */
  const timing = (context: Context.Context<never>): (() => void) | undefined => {
    if (calls++ % TIMED !== 0) return undefined
    const clock = Context.get(context, Clock.Clock)
    const begun = clock.currentTimeNanosUnsafe()
    return () => seconds.updateUnsafe(Number(clock.currentTimeNanosUnsafe() - begun) / 1e9, context)
  }

  // Encodes, appends and counts. The answer is counted in the step that has it: an effect for each
  // counter costs more than the count.
  const run = <Encoded, A>(
    operation: string,
    size: number,
    encode: () => Result.Result<Encoded, AppendRefused>,
    write: (encoded: Encoded) => Effect.Effect<A, E | AppendError>
  ): Effect.Effect<A, AppendError> =>
    Effect.withFiber(({ context }) => {
      const acknowledged = timing(context)
      const encoded = encode()
      const answer: Effect.Effect<A, E | AppendError> = Result.isFailure(encoded)
        ? Effect.fail(encoded.failure)
        : write(encoded.success)
      return answer.pipe(
        Effect.map((answer) => {
          appended.updateUnsafe(1, context)
          events.updateUnsafe(size, context)
          acknowledged?.()
          return answer
        }),
        Effect.catch((cause) => {
          const error = isAppendError(cause) ? cause : failed(operation)(cause)
          const refused = Metric.withAttributes(appends, { store, outcome: error._tag })
          return Effect.andThen(Metric.update(refused, 1), Effect.fail(error))
        })
      )
    })

  return {
    append: (append) => {
      const size = append.events.length
      return inSpan(
        run("append", size, () => encodeAppend(append), appendOne),
        "EventStore.append",
        () => ({ attributes: { "daybook.stream": append.streamId, "daybook.events": size } })
      )
    },
    appendAll: ({ appends, checks = [] }) => {
      const size = appends.reduce((sum, { events }) => sum + events.length, 0)
      return inSpan(
        run("appendAll", size, () => encodeAppends(appends, checks), append),
        "EventStore.appendAll",
        () => ({ attributes: { "daybook.streams": appends.length, "daybook.events": size } })
      )
    }
  }
}

const isAppendError = (error: unknown): error is AppendError =>
  error instanceof WrongExpectedRevision ||
  error instanceof EventIdConflict ||
  error instanceof AppendRefused ||
  error instanceof Overloaded ||
  error instanceof EventStoreError
