/**
 * Wakes subscribers after an append in PostgreSQL: those of its own store at once, those of other
 * hosts by `NOTIFY`.
 */
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Latch from "effect/Latch"
import * as RcRef from "effect/RcRef"
import type * as Scope from "effect/Scope"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SchemaName } from "../../../PostgresSchema.ts"
import * as SoleHost from "../../../sql/SoleHost.ts"
import { PostgresListen } from "../../../PostgresListen.ts"
import { isPgClient } from "../sql/isPgClient.ts"
import * as Pooler from "../start/pooler.ts"
import * as Listener from "./listen.ts"
import * as PostgresNotify from "./notify.ts"
import * as WakeUps from "../../../driver/WakeUps.ts"

/** Its waits are interrupted when its scope closes. */
export interface PostgresWakeUps extends WakeUps.WakeUps {
  /**
   * Wakes subscribers once the writes of `append` are committed, possibly by the caller's
   * transaction.
   */
  readonly after: <A, E>(
    append: Effect.Effect<A, E>,
    wrote: (answer: A) => boolean
  ) => Effect.Effect<A, E>
  readonly heartbeatInterval: Duration.Duration
}

/**
 * The first pause while an append in flight holds a reader back: its events show soon, and an
 * append that ends without a commit wakes no subscriber.
 */
const FIRST_POLL_AGAIN = Duration.millis(10)

/** The pause doubles so often at most; every poll interval wakes the subscriber anyway. */
const MAX_DOUBLINGS = 16

export const make = Effect.fnUntraced(function* (
  sql: SqlClient,
  schema: SchemaName
): Effect.fn.Return<PostgresWakeUps, never, Scope.Scope> {
  const settings = yield* PostgresListen
  const pollInterval = Duration.fromInputUnsafe(settings.pollInterval)
  const heartbeatInterval = Duration.fromInputUnsafe(settings.heartbeatInterval)
  const inProcess = WakeUps.make()
  // A seeded generator would give several hosts of one test the same name, and they would ignore
  // each other.
  const ownPayload = `${schema} ${SecureRandom.uuidV4Unsafe()}`
  const client = isPgClient(sql) ? sql : undefined
  // An embedded database has no other process, and a second connection would end the first one's
  // session.
  const alone = SoleHost.isSole(sql)
  const notifyOthers = alone ? () => {} : yield* PostgresNotify.make(sql, ownPayload)
  // A pooler that lends sessions by the transaction accepts LISTEN and drops the notifications.
  const listens =
    client !== undefined &&
    (settings.listen === "auto" ? !Pooler.isPooled(client.config) : settings.listen)
  const hearOthers =
    alone || !listens
      ? Effect.void
      : yield* Listener.make({
          client,
          ownPayload,
          logPrefix: `${schema} `,
          heartbeatInterval,
          onAppended: inProcess.wakeAllUnsafe
        })
  const tick = yield* ticks(inProcess.wakeAllUnsafe, pollInterval)
  let isClosed = false
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      isClosed = true
      inProcess.wakeAllUnsafe()
    })
  )
  const unlessClosed = (effect: Effect.Effect<void>) =>
    Effect.suspend(() => (isClosed ? Effect.interrupt : effect))
  const wakeUp = sql.afterCommit(
    Effect.sync(() => {
      inProcess.wakeAllUnsafe()
      notifyOthers()
    })
  )
  return {
    // Also when the answer was lost or its caller has gone: the append may have happened.
    after: (append, wrote) =>
      Effect.onExit(append, (exit) =>
        exit._tag === "Success" && !wrote(exit.value) ? Effect.void : wakeUp
      ),
    heartbeatInterval,
    join: Effect.tap(inProcess.join, Effect.andThen(tick, hearOthers)),
    // No tick or notification comes after the store is closed: a subscriber would wait for ever.
    wait: (latch, blockedPolls) =>
      unlessClosed(Effect.andThen(wait(latch, blockedPolls), unlessClosed(Effect.void)))
  }
})

/**
 * Makes an effect that, while at least one scope has run it, wakes all subscribers every
 * `pollInterval`: a timer for each wait of each of them would cost most of a wake-up.
 */
export const ticks = (
  wakeAllUnsafe: () => void,
  pollInterval: Duration.Duration
): Effect.Effect<Effect.Effect<void, never, Scope.Scope>, never, Scope.Scope> =>
  Effect.map(
    RcRef.make({
      acquire: Effect.sleep(pollInterval).pipe(
        Effect.andThen(Effect.sync(wakeAllUnsafe)),
        Effect.forever,
        Effect.forkScoped
      )
    }),
    (ref) => Effect.asVoid(RcRef.get(ref))
  )

/** Waits for the latch; a blocked subscriber for an ever longer time at most. */
export const wait = (latch: Latch.Latch, blockedPolls: number): Effect.Effect<void> =>
  blockedPolls === 0
    ? latch.await
    : Effect.asVoid(
        Effect.timeoutOption(
          latch.await,
          Duration.times(FIRST_POLL_AGAIN, 2 ** Math.min(blockedPolls - 1, MAX_DOUBLINGS))
        )
      )
