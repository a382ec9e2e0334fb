/**
 * The one connection of a store on which it hears that other hosts have appended.
 *
 * It does not belong to the client's pool: it is held for long, and when it stalls it is closed
 * from this side without waiting for anything.
 */
import type { PgClient } from "@effect/sql-pg/PgClient"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Latch from "effect/Latch"
import * as Metric from "effect/Metric"
import * as Queue from "effect/Queue"
import * as RcRef from "effect/RcRef"
import * as Scope from "effect/Scope"
import { CHANNEL } from "./notify.ts"
import { type Losses, makeLosses, persistently } from "../sql/retry.ts"
import { rootMessage } from "../../start/rootMessage.ts"

export interface Listening {
  readonly client: PgClient
  /** The payload that this host sends: it need not wake itself. */
  readonly ownPayload: string
  /** The prefix of each payload that is about this log. */
  readonly logPrefix: string
  readonly heartbeatInterval: Duration.Duration
  readonly onAppended: () => void
}

/** The name under which an operator finds the connection in `pg_stat_activity`. */
const APPLICATION_NAME = "daybook listener"

/** The pause after a loss: a server or a pooler may accept connections and drop them at once. */
const PAUSE_AFTER_LOSS = "50 millis"

const lossesCount = Metric.counter("daybook_listener_losses", {
  description: "Listening connections that were lost"
})
const retries = Metric.counter("daybook_listener_retries", {
  description: "Attempts to open a listening connection that failed"
})
const down = Metric.gauge("daybook_listeners_down", {
  description: "Stores that follow the log and have no listening connection that hears"
})

/** Listens while at least one scope has asked for it. */
export const make = (
  listening: Listening
): Effect.Effect<Effect.Effect<void, never, Scope.Scope>, never, Scope.Scope> =>
  Effect.suspend(() => {
    const losses = makeLosses({
      failing:
        "Lost the connection that listens for the appends of other hosts, and polls until it is back",
      working: "Listens for the appends of other hosts again"
    })
    const acquire = Effect.forkScoped(listen(listening, losses))
    return Effect.map(RcRef.make({ acquire }), (ref) => Effect.asVoid(RcRef.get(ref)))
  })

const listen = (listening: Listening, all: Losses) =>
  Effect.suspend(() => {
    // One task for the connection, lost while listening or never opened: one log line until it
    // hears again.
    const connection = {}
    const setDown = makeDown()
    const losses: Losses = {
      lost: (_, message) => all.lost(connection, message),
      // A server or a pooler may accept connections and drop them at once.
      found: () => Effect.void,
      forgetUnsafe: () => {},
      back: all.back
    }
    const session = Effect.scoped(
      Effect.flatMap(open(listening), (opened) =>
        hear(listening, opened, {
          heard: Effect.andThen(setDown(false), all.found(connection)),
          lost: (message) => Effect.andThen(setDown(true), all.lost(connection, message))
        })
      )
    )
    return persistently(session, { losses, retries, while: () => true }).pipe(
      Effect.andThen(Effect.sleep(PAUSE_AFTER_LOSS)),
      Effect.forever,
      (listening) => Effect.andThen(setDown(true), listening),
      Effect.ensuring(
        Effect.andThen(
          setDown(false),
          Effect.sync(() => all.forgetUnsafe(connection))
        )
      )
    )
  })

/** Counts a connection among those that are down, or no longer. */
const makeDown = () => {
  let isDown = false
  return (next: boolean) =>
    Effect.suspend(() => {
      if (next === isDown) return Effect.void
      isDown = next
      return Metric.modify(down, next ? 1 : -1)
    })
}

const open = Effect.fnUntraced(function* ({ client, heartbeatInterval }: Listening) {
  // A scope of its own, so that it can be closed before the resources acquired on it: UNLISTEN on a
  // connection that has stalled would wait for ever.
  const own = yield* Scope.make()
  yield* Effect.addFinalizer(() => Scope.close(own, Exit.void))
  // Its client has loaded the package.
  const PgConnection = yield* Effect.promise(() => import("@effect/sql-pg/PgConnection"))
  const connection = yield* Scope.provide(
    PgConnection.make({ ...client.config, applicationName: APPLICATION_NAME, multiplex: false }),
    own
  )
  const pinned = yield* connection.pin
  const notifications = yield* Effect.timeout(pinned.listen(CHANNEL), heartbeatInterval)
  yield* Effect.addFinalizer(() => Scope.close(own, Exit.void))
  return { pinned, notifications }
})

/** Receives notifications and sends heartbeats until the connection is lost. */
const hear = Effect.fnUntraced(function* (
  { heartbeatInterval, logPrefix, onAppended, ownPayload }: Listening,
  { notifications, pinned }: Effect.Success<ReturnType<typeof open>>,
  told: {
    readonly heard: Effect.Effect<void>
    readonly lost: (message: string) => Effect.Effect<void>
  }
) {
  const heard = Latch.makeUnsafe()
  yield* Effect.logDebug("Listens for the appends of other hosts")
  // Appends before the server knew of this listener were not announced here.
  onAppended()
  const receive = Effect.flatMap(Queue.take(notifications), ({ payload }) => {
    heard.openUnsafe()
    if (payload !== ownPayload && payload.startsWith(logPrefix)) onAppended()
    return told.heard
  })
  // The notification goes to this connection itself: a pooler would answer a query, and drop the
  // notifications.
  const beat = Effect.andThen(
    Effect.sleep(heartbeatInterval),
    Effect.suspend(() => {
      heard.closeUnsafe()
      // Only the notification counts. The query is never interrupted: on a connection that stalls
      // that would wait for the server to agree. It ends with the connection.
      return pinned
        .query("SELECT pg_notify($1, $2)", [CHANNEL, ownPayload])
        .pipe(
          Effect.ignore,
          Effect.forkDetach,
          Effect.andThen(Effect.timeout(heard.await, heartbeatInterval))
        )
    })
  )
  yield* Effect.raceFirst(Effect.forever(receive), Effect.forever(beat)).pipe(
    Effect.catch((error) =>
      Effect.andThen(Metric.update(lossesCount, 1), told.lost(rootMessage(error)))
    )
  )
})
