/**
 * The connection from a host to the stores. A late delivery arrives without the host; calls under
 * way end when the connection is cut.
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Scheduler from "effect/Scheduler"
import type { Kind } from "../../simulation/Fault.ts"
import type { Occurrence, Plan } from "./plan.ts"
import type { Process, World } from "./world.ts"

export interface Connection {
  readonly plan: Plan
  /** Runs a call in the store's own process, perhaps slowly. */
  readonly call: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  /** Runs a call that changes data, with the faults of such a call. */
  readonly change: <A, E, R>(
    faults: Faults,
    effect: Effect.Effect<A, E, R>,
    lost: Effect.Effect<never, E>
  ) => Effect.Effect<A, E, R>
  /** Runs an append, and perhaps delivers it again later. */
  readonly repeated: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  /** Ends all calls that are under way, as when the connection is cut. */
  readonly cut: () => void
}

/** The kinds of faults of a call that changes data. */
interface Faults {
  readonly unsent: Kind
  readonly unacknowledged: Kind
  /** Undefined for a call that would be meaningless later. */
  readonly late?: Kind | undefined
}

/** Longer than any lease of the hosts. */
const LONG_MILLIS = 2_500

/**
 * Marks a call that runs without its host: the host's death does not end it, and no fault of
 * the connection affects it.
 */
const OnItsWay = Context.Reference<boolean>("@daybook/testing/internal/simulation/OnItsWay", {
  defaultValue: () => false
})

export const make = (world: World, process: Process, plan: Plan): Connection => {
  const underWay = new Set<Fiber.Fiber<unknown, unknown>>()

  /** Starts a fiber of the stores, in the caller's context. */
  const fork = <A, E, R>(context: Context.Context<R>, effect: Effect.Effect<A, E, R>) =>
    Effect.runForkWith(Context.add(context, Scheduler.Scheduler, world.self.scheduler))(effect)

  const call: Connection["call"] = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.contextWith((context: Context.Context<R>) => {
      if (Context.get(context, OnItsWay)) return effect
      return Effect.callback<A, E>((resume) => {
        // The process is dead, so this call is its part of a transaction, which ends with it.
        if (!process.isAlive()) return resume(Effect.interrupt)
        const fiber = fork(context, slowed(effect))
        underWay.add(fiber)
        fiber.addObserver((exit) => {
          underWay.delete(fiber)
          resume(exit)
        })
        return Fiber.interrupt(fiber)
      })
    })

  const slowed = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.suspend(() => {
      const slow = plan.occasion("call-slow")
      if (slow === undefined) return effect
      const millis = Duration.millis(slow.dice.pick([1, 20, 300, LONG_MILLIS]))
      return slow.dice.chance(0.5)
        ? Effect.delay(effect, millis)
        : Effect.tap(effect, () => Effect.sleep(millis))
    })

  /** Runs the effect some time later, even when the host has died by then. */
  const later = <A, E, R>(
    effect: Effect.Effect<A, E, R>,
    { dice }: Occurrence
  ): Effect.Effect<void, never, R> =>
    Effect.contextWith((context: Context.Context<R>) =>
      Effect.sync(() => {
        const severed = world.severed
        const arrives = Effect.suspend((): Effect.Effect<unknown, E, R> =>
          world.severed === severed ? effect : Effect.void
        )
        const delayed = Effect.delay(arrives, Duration.millis(dice.pick([0, 5, 300, LONG_MILLIS])))
        fork(Context.add(context, OnItsWay, true), delayed)
      })
    )

  return {
    plan,
    call,
    change: ({ late, unacknowledged, unsent }, effect, lost) =>
      Effect.gen(function* () {
        if (yield* OnItsWay) return yield* effect
        const occurrence = plan.occasion(
          unsent,
          ...(unacknowledged === unsent ? [] : [unacknowledged]),
          ...(late === undefined ? [] : [late])
        )
        if (occurrence === undefined) return yield* call(effect)
        const { dice, kind } = occurrence
        if (kind === late) {
          yield* later(effect, occurrence)
          return yield* lost
        }
        if (unacknowledged === unsent ? dice.chance(0.5) : kind === unacknowledged) {
          yield* call(effect)
        }
        return yield* lost
      }),
    repeated: (effect) =>
      Effect.tap(effect, () => {
        const again = plan.occasion("append-repeated")
        return again === undefined ? Effect.void : later(Effect.exit(effect), again)
      }),
    cut: () => {
      for (const fiber of underWay) fiber.interruptUnsafe()
    }
  }
}
