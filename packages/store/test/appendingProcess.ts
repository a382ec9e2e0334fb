/**
 * Hosts in processes of their own, which can be frozen and killed.
 */
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Redacted from "effect/Redacted"
import { spawn } from "node:child_process"
import * as Path from "node:path"

/** Runs `appendToServer.ts`, and kills it when the scope closes. */
export const startProcess = Effect.fnUntraced(function* (
  url: Redacted.Redacted,
  mode: "hold" | "single" | number
) {
  const acknowledged: Array<string> = []
  const told = yield* Queue.unbounded<string>()
  const child = yield* Effect.acquireRelease(
    Effect.sync(() =>
      spawn(
        process.execPath,
        [Path.join(import.meta.dirname, "programs", "appendToServer.ts"), String(mode)],
        {
          stdio: ["ignore", "pipe", "inherit"],
          env: { DATABASE_URL: Redacted.value(url) }
        }
      )
    ),
    (running) => Effect.sync(() => running.kill("SIGKILL"))
  )
  let rest = ""
  child.stdout.on("data", (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split("\n")
    rest = lines.pop() ?? ""
    acknowledged.push(...lines)
    for (const line of lines) Queue.offerUnsafe(told, line)
  })
  const closed = new Promise<number | null>((resolve) => child.once("close", resolve))
  return {
    /** The ids of the events that it has reported as recorded so far. */
    acknowledged,
    /** Waits for `count` more of them. */
    appends: (count: number) => Effect.replicateEffect(Queue.take(told), count),
    /** Its exit code, once it has ended and all its output is read; null if it was killed. */
    ended: Effect.promise(() => closed),
    signal: (signal: "SIGSTOP" | "SIGCONT" | "SIGKILL") => Effect.sync(() => child.kill(signal))
  }
})
