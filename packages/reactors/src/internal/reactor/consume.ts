/**
 * The consumer of a reactor: what runs for each range that a host has.
 */
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import type { Assignment } from "../../ConsumerGroups.ts"
import type { Reactor } from "../../Reactor.ts"
import * as Attempt from "./attempt.ts"
import { concurrently } from "./concurrent.ts"
import * as HeldKeys from "./heldKeys.ts"
import { release, type Releasing } from "./release.ts"
import { transactionally } from "./transactional.ts"

export const consume = <R>(reactor: Reactor<R>) =>
  Effect.fnUntraced(function* (assignment: Assignment) {
    const held = yield* HeldKeys.make(reactor, assignment)
    const releasing: Releasing<R> = {
      reactor,
      assignment,
      attempt: yield* Attempt.make(reactor),
      held,
      handing: Semaphore.makeUnsafe(1)
    }
    const { beside, commit, isBusyUnsafe, reading } = reactor.transactional
      ? transactionally(releasing)
      : yield* concurrently(releasing)
    // A range that an event has stopped is given up as it is.
    const stopped = Effect.andThen(assignment.drained, held.stopped.await)
    yield* Effect.raceAllFirst([reading, stopped, carryingOut(releasing, isBusyUnsafe), ...beside])
    yield* commit
  })

/**
 * Carries out the acts on held keys; parked keys are released beside one another, as many as the
 * reactor handles at once.
 */
const carryingOut = <R>(releasing: Releasing<R>, isBusyUnsafe: (key: string) => boolean) =>
  Effect.scoped(
    Effect.gen(function* () {
      const { assignment, held, reactor } = releasing
      const turns = Semaphore.makeUnsafe(reactor.transactional ? 1 : reactor.concurrency)
      const releases = yield* FiberSet.make()
      const acting = Stream.runForEach(assignment.asked, (asked) =>
        Effect.suspend(() => {
          const parked = held.askedUnsafe(asked)
          if (parked === undefined || parked.isReleasing) return Effect.void
          // Earlier events of the key are handled again, after a crash: the act is asked again.
          if (held.handedUnsafe() < parked.from || isBusyUnsafe(parked.key)) return Effect.void
          parked.isReleasing = true
          return FiberSet.run(releases, turns.withPermit(release(releasing, parked, asked.asked)))
        })
      )
      return yield* Effect.raceFirst(Effect.andThen(acting, Effect.never), FiberSet.join(releases))
    })
  )
