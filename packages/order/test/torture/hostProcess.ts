/**
 * A process that answers questions in lines of its standard input and output, and that can be
 * killed and started again.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import { type ChildProcess, spawn } from "node:child_process"
import { lines } from "./message.ts"

/** A reply as the process of a host understands it: to a question, or of its own accord. */
type Heard<Answer> =
  | { readonly _tag: "Ready" }
  | { readonly _tag: "Answer"; readonly ask: number; readonly answer: Answer }
  | { readonly _tag: "Other" }

export interface HostProcess<Answer> {
  readonly isReady: () => boolean
  /** Asks the host; returns nothing if it dies first or takes longer than it may. */
  readonly ask: (question: (ask: number) => string) => Effect.Effect<Option.Option<Answer>>
  readonly signal: (signal: "SIGKILL" | "SIGSTOP" | "SIGCONT" | "SIGTERM") => void
  /** Starts it again, if it is dead and may be started. */
  readonly start: () => void
  /** Waits until the process that runs now has ended. */
  readonly ended: Effect.Effect<void>
}

/** Longer than any fault lasts, except a stalled proxy. */
const PATIENCE = "4 seconds"

export const make = Effect.fnUntraced(function* <Answer>(options: {
  /** The program and its arguments; nothing while it is not to be started. */
  readonly command: () => ReadonlyArray<string> | undefined
  readonly env: Record<string, string>
  /** Reads a line of its output. `tell` writes a line to the process. */
  readonly hear: (line: string, tell: (line: string) => void) => Heard<Answer>
}) {
  const asked = new Map<number, Deferred.Deferred<Option.Option<Answer>>>()
  let asks = 0
  let ready = false
  let child: ChildProcess | undefined

  const heard = (running: ChildProcess, line: string) => {
    // Output that a host wrote before its death still arrives; only whole lines count.
    const reply = options.hear(line, (told) => running.stdin?.write(`${told}\n`))
    if (reply._tag === "Ready") ready = running === child
    if (reply._tag !== "Answer") return
    const waiting = asked.get(reply.ask)
    asked.delete(reply.ask)
    if (waiting !== undefined) Deferred.doneUnsafe(waiting, Exit.succeed(Option.some(reply.answer)))
  }

  const start = () => {
    const command = options.command()
    if (child !== undefined || command === undefined) return
    const running = spawn(process.execPath, command, {
      stdio: ["pipe", "pipe", "inherit"],
      env: options.env
    })
    child = running
    running.stdin.on("error", () => {})
    running.stdout.on(
      "data",
      lines((line) => heard(running, line))
    )
    // All its output has been read by then.
    running.once("close", () => {
      child = undefined
      ready = false
      for (const waiting of asked.values()) {
        Deferred.doneUnsafe(waiting, Exit.succeed(Option.none()))
      }
      asked.clear()
    })
  }

  start()
  yield* Effect.addFinalizer(() => Effect.sync(() => child?.kill("SIGKILL")))
  const host: HostProcess<Answer> = {
    start,
    isReady: () => ready,
    signal: (signal) => child?.kill(signal),
    ended: Effect.callback((resume) => {
      if (child === undefined) resume(Effect.void)
      else child.once("close", () => resume(Effect.void))
    }),
    ask: (question) =>
      Effect.suspend(() => {
        if (child === undefined) return Effect.succeedNone
        const ask = ++asks
        const waiting: Deferred.Deferred<Option.Option<Answer>> = Deferred.makeUnsafe()
        asked.set(ask, waiting)
        child.stdin?.write(`${question(ask)}\n`)
        return Effect.timeoutOption(Deferred.await(waiting), PATIENCE).pipe(
          Effect.map(Option.flatten)
        )
      })
  }
  return host
})
