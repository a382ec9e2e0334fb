/**
 * A small world that a seed decides. Its time is a `TestClock`; the fiber that runs next, and the
 * points where a fiber yields to others, are drawn. Processes are parts of it that can be paused,
 * and that can die between any two steps.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import { WebCrypto } from "effect/crypto/WebCrypto"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import * as References from "effect/References"
import * as Scheduler from "effect/Scheduler"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import * as Crypto from "node:crypto"
import * as Dice from "./dice.ts"

/** Fibers that live and die together. */
export interface Process {
  /** The scheduler of its fibers. */
  readonly scheduler: Scheduler.Scheduler
  readonly isAlive: () => boolean
  readonly isPaused: () => boolean
  /** Stops all its fibers until it is resumed. */
  readonly pause: () => void
  readonly resume: () => void
  /** Stops all its fibers for ever, without any cleanup. */
  readonly die: () => void
}

/**
 * The reason that a run did not end: no fiber can run, or the run takes too many steps or too much
 * time.
 */
export type Stuck = "deadlock" | "steps" | "time"

export interface World {
  readonly dice: (label: string) => Dice.Dice
  readonly process: () => Process
  /** Returns the context for effects of the process. */
  readonly contextOf: (process: Process) => Context.Context<never>
  /** The process of the world itself and of the stores, which outlive every host. */
  readonly self: Process
  readonly now: () => number
  /** Called before every step. */
  onStep: (step: number) => void
  /**
   * The number of times that all connections to the stores ended. Deliveries under way at that
   * moment never arrive.
   */
  severed: number
  readonly run: <A, E>(effect: Effect.Effect<A, E>) => Promise<Exit.Exit<A, E> | Stuck>
  readonly steps: () => number
}

/** 2026-01-01, so that times look like times. */
const START_MILLIS = 1_767_225_600_000

/** Far more than a history of a simulation takes: about 50,000 were the most that was seen. */
const MAX_STEPS = 2_000_000
const MAX_MILLIS = 3_600_000

interface Task {
  readonly process: InnerProcess
  readonly run: () => void
}

interface Sleeper {
  readonly millis: number
  readonly wake: () => void
}

interface InnerProcess extends Process {
  readonly held: Array<() => void>
}

export const make = (seed: number, schedule: number): World => {
  const order = Dice.make(seed, `schedule ${schedule}`)
  const ready: Array<Task> = []
  let current: Process | undefined
  let steps = 0
  // A fiber yields to others about every `stride` operations. The stride is drawn once, because
  // runs of one length would hide races.
  const stride = order.pick([1, 4, 16, 64])
  let left = 0

  const process = (): InnerProcess => {
    let state: "running" | "paused" | "dead" = "running"
    const held: Array<() => void> = []
    const self: InnerProcess = {
      held,
      scheduler: {
        executionMode: "async",
        shouldYield: (fiber) => {
          // A step of another process has woken the fiber. It goes on in a step of its own.
          if (current !== self) return true
          // The first two operations only bring the fiber back to where it was.
          if (fiber.currentOpCount <= 2 || left-- > 0) return false
          left = order.below(2 * stride)
          return true
        },
        makeDispatcher: () => ({
          scheduleTask: (run) => {
            if (state === "running") ready.push({ process: self, run })
            else if (state === "paused") held.push(run)
          },
          flush: () => {}
        })
      },
      isAlive: () => state !== "dead",
      isPaused: () => state === "paused",
      pause: () => {
        if (state === "running") state = "paused"
      },
      resume: () => {
        if (state !== "paused") return
        state = "running"
        for (const run of held.splice(0)) ready.push({ process: self, run })
      },
      die: () => {
        state = "dead"
        held.length = 0
      }
    }
    return self
  }

  const self = process()
  const sleepers = new Set<Sleeper>()
  const testClock = Effect.runSync(
    Effect.provideService(TestClock.make(), Scope.Scope, Scope.makeUnsafe())
  )
  // The world wakes sleepers when no fiber can run. Time advances in several steps, and a fiber
  // that goes to sleep between two of them must be woken too.
  const clock: Clock.Clock = {
    ...testClock,
    sleep: (duration) =>
      Effect.callback((resume) => {
        const millis = testClock.currentTimeMillisUnsafe() + Duration.toMillis(duration)
        const sleeper: Sleeper = { millis, wake: () => resume(Effect.void) }
        sleepers.add(sleeper)
        return Effect.sync(() => sleepers.delete(sleeper))
      })
  }
  const numbers = Dice.make(seed, "random")
  const shared = Context.make(Clock.Clock, clock).pipe(
    Context.add(Random.Random, {
      nextIntUnsafe: () => Math.floor((numbers.next() - 0.5) * 2 * Number.MAX_SAFE_INTEGER),
      nextDoubleUnsafe: numbers.next
    }),
    Context.add(
      WebCrypto,
      Dice.webCrypto(Dice.make(seed, "ids"), (name, bytes) => {
        const hash = Crypto.createHash(name.replace("-", "")).update(bytes).digest()
        return new Uint8Array(hash).buffer
      })
    ),
    Context.add(References.MinimumLogLevel, "None"),
    Context.add(References.TracerEnabled, false)
  )
  const contextOf = ({ scheduler }: Process): Context.Context<never> =>
    Context.add(shared, Scheduler.Scheduler, scheduler)

  /** Runs an effect in the world's own process. */
  const fork = <A, E>(effect: Effect.Effect<A, E>) => Effect.runForkWith(contextOf(self))(effect)

  const world: World = {
    dice: (label) => Dice.make(seed, label),
    process,
    contextOf,
    self,
    now: () => testClock.currentTimeMillisUnsafe(),
    onStep: () => {},
    severed: 0,
    steps: () => steps,
    run: async (effect) => {
      fork(testClock.setTime(START_MILLIS))
      await settle()
      const fiber = fork(effect)
      for (;;) {
        const stuck = await settle(fiber)
        const exit = fiber.pollUnsafe()
        if (exit !== undefined) return exit
        if (stuck) return "steps"
        let next = Number.POSITIVE_INFINITY
        for (const { millis } of sleepers) next = Math.min(next, millis)
        if (next === Number.POSITIVE_INFINITY) return "deadlock"
        if (next > START_MILLIS + MAX_MILLIS) return "time"
        if (next > testClock.currentTimeMillisUnsafe()) {
          fork(testClock.setTime(next))
          await settle(fiber)
        }
        const now = testClock.currentTimeMillisUnsafe()
        for (const sleeper of Array.from(sleepers)) {
          if (sleeper.millis > now) continue
          sleepers.delete(sleeper)
          sleeper.wake()
        }
      }
    }
  }

  /**
   * Runs fibers until none can run or the given one has ended; returns whether that took too many
   * steps.
   */
  const settle = async (fiber?: Fiber.Fiber<unknown, unknown>): Promise<boolean> => {
    do {
      while (ready.length > 0) {
        if (fiber?.pollUnsafe() !== undefined) return false
        if (steps >= MAX_STEPS) return true
        world.onStep(steps++)
        step()
      }
      // Lets settled promises resume their fibers. Nothing here waits for the outside.
      await new Promise((resolve) => setImmediate(resolve))
    } while (ready.length > 0)
    return false
  }

  const step = () => {
    if (ready.length === 0) return
    const index = order.below(ready.length)
    // The last task takes the place of the chosen one.
    const task = ready[index] as Task
    const last = ready.pop() as Task
    if (last !== task) ready[index] = last
    if (!task.process.isAlive()) return
    if (task.process.isPaused()) {
      task.process.held.push(task.run)
      return
    }
    current = task.process
    try {
      task.run()
    } finally {
      current = undefined
    }
  }

  return world
}
