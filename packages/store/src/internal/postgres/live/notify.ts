/**
 * Notifies other hosts that this one has appended: a `NOTIFY` in a transaction of its own.
 *
 * Inside the append's transaction it would be simpler but a trap: PostgreSQL lets one notifying
 * transaction commit at a time, in the whole cluster, so appends would wait for one another's disk
 * writes.
 */
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Metric from "effect/Metric"
import type * as Scope from "effect/Scope"
import type { SqlClient } from "effect/sql/SqlClient"

/** The channel of all logs of a database; the payload names the log. */
export const CHANNEL = "daybook_appended"

/** The pause after a failure: subscribers poll by then. */
const PAUSE_AFTER_FAILURE = "1 second"

/**
 * The shortest time between two notifications: without it a lone writer would pay for one with each
 * append. The first after a quiet moment is sent at once.
 */
const GATHERING = "10 millis"

const notifications = Metric.counter("daybook_notifications", {
  description: "Notifications that events were appended, by outcome: sent or failed"
})
const sent = Metric.withAttributes(notifications, { outcome: "sent" })
const failed = Metric.withAttributes(notifications, { outcome: "failed" })

/**
 * Returns a function that asks for a notification. One fiber sends them: at most one is under way,
 * and one serves all requests that came meanwhile.
 */
export const make = Effect.fnUntraced(function* (
  sql: SqlClient,
  payload: string
): Effect.fn.Return<() => void, never, Scope.Scope> {
  const asked = Latch.makeUnsafe()
  // A crash loses nothing here, so it does not wait for the disk.
  const notify = sql`
    SELECT set_config('synchronous_commit', 'off', true), pg_notify(${CHANNEL}, ${payload})`
  yield* asked.await.pipe(
    Effect.andThen(asked.close),
    Effect.andThen(notify),
    Effect.andThen(Metric.update(sent, 1)),
    Effect.andThen(Effect.sleep(GATHERING)),
    Effect.catch((error) =>
      Effect.andThen(
        Metric.update(failed, 1),
        Effect.andThen(
          Effect.logDebug("Other hosts were not told of an append", error),
          Effect.sleep(PAUSE_AFTER_FAILURE)
        )
      )
    ),
    // A trace for each notification would be noise that belongs to no caller.
    Effect.withTracerEnabled(false),
    Effect.forever,
    Effect.forkScoped
  )
  return () => {
    asked.openUnsafe()
  }
})
