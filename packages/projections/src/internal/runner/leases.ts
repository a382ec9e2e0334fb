/**
 * Keeps the claims of a host: one call of the store renews them all, and moves the checkpoints of
 * the read models that have read on without an event of their own.
 */
import type * as Projection from "@daybook/kernel/Projection"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Latch from "effect/Latch"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import type { Claim, Reached, Renewal, Renewed } from "../../driver/ReadModelGeneration.ts"
import { ClaimLost, ReadModelStoreError } from "../../ReadModelError.ts"
import type { ReadModelStore } from "../../ReadModelStore.ts"
import { first } from "./history.ts"
import type { ClaimedModel } from "./advance.ts"
import { answerOf } from "./answerOf.ts"
import type { ChangeSignal } from "./changeSignal.ts"
import type { Loop, LoopErrors } from "./loopErrors.ts"

/** A generation that follows the log. */
export interface Followed {
  readonly held: ClaimedModel
  /** The place to which no event after the checkpoint concerns it; undefined at the checkpoint. */
  ahead: Reached | undefined
  /** The permit to move the checkpoint, by a step or a renewal. */
  readonly moving: Semaphore.Semaphore
}

export const followed = (held: ClaimedModel): Followed => ({
  held,
  ahead: undefined,
  moving: Semaphore.makeUnsafe(1)
})

/** A claim to renew, with the loop that works under it. */
export interface Kept {
  readonly claim: Claim
  readonly loop: Loop
  readonly followed?: Followed
}

export interface Leases {
  /** Returns the generation of a read model that this host follows the log with. */
  readonly followedUnsafe: (name: Projection.Name) => Followed | undefined
  /** Moves the checkpoints of followers that have read further at once, since a caller waits. */
  readonly hastenUnsafe: () => void
  /**
   * Runs a change of a read model. No claim of the host ends for a renewal that is not answered
   * meanwhile: on a store with one connection, renewals wait until the change has ended.
   */
  readonly changing: <A, E, R>(change: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  /**
   * Runs an effect and renews its claim meanwhile. Fails when the claim is lost, or when renewals
   * have failed for longer than the lease, but for those beside a {@link changing}.
   */
  readonly keeping: <A, E, R>(
    kept: Kept,
    effect: Effect.Effect<A, E, R>
  ) => Effect.Effect<A, E | ClaimLost | ReadModelStoreError, R>
}

interface Keeping extends Kept {
  readonly ended: Deferred.Deferred<never, ClaimLost | ReadModelStoreError>
  /** True if another transaction held its lock at the last renewal, so it is due at the next. */
  isBusy: boolean
}

/** A renewal; if it moves a checkpoint, it has the permit. */
interface Asked {
  readonly of: Keeping
  readonly renewal: Renewal
}

export const make = Effect.fnUntraced(function* ({
  changes,
  errors,
  lease,
  pollInterval,
  store
}: {
  readonly store: ReadModelStore["Service"]
  readonly changes: ChangeSignal
  readonly errors: LoopErrors
  readonly lease: Duration.Duration
  readonly pollInterval: Duration.Duration
}): Effect.fn.Return<Leases, never, Scope.Scope> {
  const all = new Set<Keeping>()
  const hastened = Latch.makeUnsafe()
  const third = Duration.times(lease, 1 / 3)
  let renewedAt = yield* Clock.currentTimeMillis
  let changesUnderWay = 0

  const settle = Effect.fnUntraced(function* ({ of, renewal }: Asked, outcome: Renewed) {
    // The loop has ended meanwhile: its errors are no longer about this claim.
    if (!all.has(of)) return
    const { epoch, generation, name } = of.claim
    of.isBusy = outcome === "busy"
    if (outcome === "lost") {
      yield* Deferred.fail(of.ended, new ClaimLost({ name, generation, epoch }))
    } else if (outcome === "renewed" && renewal.checkpoint !== undefined && of.followed) {
      const { to } = renewal.checkpoint
      of.followed.held.checkpoints[0] = to
      if (of.followed.ahead === to) of.followed.ahead = undefined
      changes.notifyUnsafe(name, "step")
      yield* errors.wentOn(name, of.loop)
    } else {
      yield* errors.answered(name, of.loop)
    }
  })

  const renew = Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    if (all.size === 0) renewedAt = now
    const isDue = now - renewedAt >= Duration.toMillis(third)
    const asked: Array<Asked> = []
    for (const of of all) {
      const checkpoint = yield* toMove(of)
      if (checkpoint !== undefined || isDue || of.isBusy) {
        asked.push({ of, renewal: { claim: of.claim, checkpoint } })
      }
    }
    if (asked.length === 0) return
    const isBesideChange = changesUnderWay > 0
    // Followers wait for the permits of their renewals, and the other claims for this call.
    const exit = yield* Effect.exit(
      Effect.suspend(() =>
        answerOf(
          store.renew(asked.map(({ renewal }) => renewal)),
          (cause) => new ReadModelStoreError({ operation: "renew", cause }),
          third
        )
      )
    )
    const answeredAt = yield* Clock.currentTimeMillis
    if (Exit.isSuccess(exit)) {
      if (isDue) renewedAt = now
      for (const [index, outcome] of exit.value.entries()) {
        const one = asked[index]
        if (one !== undefined) yield* settle(one, outcome)
      }
    } else if (
      !isBesideChange &&
      changesUnderWay === 0 &&
      answeredAt - renewedAt > Duration.toMillis(lease)
    ) {
      renewedAt = answeredAt
      for (const { ended } of all) yield* Deferred.failCause(ended, exit.cause)
    }
    for (const { of, renewal } of asked) {
      if (renewal.checkpoint !== undefined) yield* of.followed?.moving.release(1) ?? Effect.void
    }
  })
  /** Waits for the next poll, or until renewals are due; for the poll if they failed when due. */
  const tick = Effect.flatMap(Clock.currentTimeMillis, (now) => {
    const untilDue = renewedAt + Duration.toMillis(third) - now
    return Effect.sleep(
      Duration.min(pollInterval, untilDue > 0 ? Duration.millis(untilDue) : third)
    )
  })
  yield* Effect.raceFirst(tick, hastened.await).pipe(
    Effect.andThen(hastened.close),
    Effect.andThen(renew),
    Effect.forever,
    Effect.forkScoped
  )

  return {
    followedUnsafe: (name) => {
      for (const { claim, followed } of all) if (claim.name === name && followed) return followed
      return undefined
    },
    hastenUnsafe: () => {
      hastened.openUnsafe()
    },
    changing: (change) =>
      Effect.suspend(() => {
        changesUnderWay++
        return Effect.ensuring(
          change,
          Effect.sync(() => changesUnderWay--)
        )
      }),
    keeping: (kept, effect) =>
      Effect.suspend(() => {
        const keeping: Keeping = { ...kept, ended: Deferred.makeUnsafe(), isBusy: false }
        all.add(keeping)
        return Effect.raceFirst(effect, Deferred.await(keeping.ended)).pipe(
          Effect.ensuring(Effect.sync(() => all.delete(keeping)))
        )
      })
  }
})

/** Returns the move of a checkpoint to where its follower has read, and takes the permit for it. */
const toMove = Effect.fnUntraced(function* ({ followed }: Kept) {
  // A follower in the middle of a step moves its checkpoint itself.
  if (followed?.ahead === undefined || !(yield* followed.moving.takeIfAvailable(1))) {
    return undefined
  }
  if (followed.ahead !== undefined) {
    return { from: first(followed.held.checkpoints).position, to: followed.ahead }
  }
  yield* followed.moving.release(1)
  return undefined
})
