/**
 * Runs a host as a process of Node: one line when it can't start, and an orderly end by a signal.
 *
 * | Exit status | after                                                                    |
 * | ----------- | ------------------------------------------------------------------------ |
 * | 0           | SIGTERM or SIGINT, when the host closed in time                          |
 * | 1           | a failure, at start or later; or the host did not close in time          |
 * | 130, 143    | a second signal, SIGINT or SIGTERM: the process ends at once             |
 *
 * @since 0.1.0
 */
import { load } from "@daybook/store/MissingPeer"
import * as StartFailure from "@daybook/store/StartFailure"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { Teardown } from "effect/Runtime"
import * as Os from "node:os"
import process from "node:process"

/**
 * The time from the first signal to the end of the process, unless `closeWithin` is another: more
 * than the 20 seconds that `NodeHost` waits for requests.
 *
 * @category limits
 * @since 0.1.0
 */
export const DEFAULT_CLOSE_WITHIN = Duration.seconds(30)

/**
 * The name of a process, and the time that it may take to end.
 *
 * @category types
 * @since 0.1.0
 */
export interface Options {
  /** Stands before each line that the process prints on standard error. */
  readonly name: string
  /** The longest time from the first signal to the end; see {@link DEFAULT_CLOSE_WITHIN}. */
  readonly closeWithin?: Duration.Input
}

/**
 * Runs `host` until it ends, fails, or a signal interrupts it.
 *
 * **Details**
 * The first SIGTERM or SIGINT interrupts `host`, so that its layers close in the reverse order of
 * their construction: a server before the stores that its requests use. A failure is one line of
 * `StartFailure.lineOf` on standard error; a defect, which is a bug, is printed with its stack.
 * Output whose reader has gone does not end the process.
 *
 * ```ts
 * import * as NodeProcess from "@daybook/http/NodeProcess"
 * import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
 * import { Effect, Layer } from "effect"
 *
 * const host = Layer.effectDiscard(Effect.log("It runs")).pipe(Layer.provide(EventStoreMemory.layer))
 * // A host of yours runs until a signal: Layer.launch(host).
 * NodeProcess.run(Effect.scoped(Layer.build(host)), { name: "library" })
 * ```
 *
 * @category running
 * @since 0.1.0
 */
export const run = <A, E>(
  host: Effect.Effect<A, E>,
  { closeWithin = DEFAULT_CLOSE_WITHIN, name }: Options
): void => {
  const limit = Duration.fromInputUnsafe(closeWithin)
  const complain = (text: string) => process.stderr.write(`${name}: ${text}\n`)
  for (const output of [process.stdout, process.stderr]) {
    output.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") throw error
    })
  }
  let isClosing = false
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      // Not by the signal itself: the first process of a container ignores it.
      if (isClosing) process.exit(128 + Os.constants.signals[signal])
      isClosing = true
      // A timer of Node: whatever holds a fiber up does not hold it up.
      setTimeout(() => {
        complain(`did not close within ${Duration.format(limit)}, and ends now`)
        process.exit(1)
      }, Duration.toMillis(limit)).unref()
    })
  }
  const teardown: Teardown = (exit, onExit) => {
    const problem = Exit.isFailure(exit) ? problemOf(exit.cause) : undefined
    if (problem !== undefined) complain(problem)
    onExit(problem === undefined ? 0 : 1)
  }
  Effect.runCallback(loadRuntime, {
    onExit: (loaded) =>
      Exit.isSuccess(loaded)
        ? // A signal that came first found nothing to interrupt.
          loaded.value.runMain<E, A | void>(isClosing ? Effect.void : host, {
            disableErrorReporting: true,
            teardown
          })
        : teardown(loaded, (status) => process.exit(status))
  })
}

const loadRuntime = load(
  "@daybook/http/NodeProcess",
  ["@effect/platform-node"],
  () => import("@effect/platform-node/NodeRuntime")
)

/** Returns the text for an end that is no interruption. */
const problemOf = (cause: Cause.Cause<unknown>): string | undefined => {
  if (Cause.hasInterruptsOnly(cause)) return undefined
  return Cause.hasDies(cause) ? `a bug: ${Cause.pretty(cause)}` : StartFailure.lineOf(cause)
}
