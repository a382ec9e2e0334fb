/**
 * A host of orders in a process of its own, behind its own proxy to the server.
 */
import type { EventId } from "@daybook/kernel/EventId"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { type ChildProcess, spawn } from "node:child_process"
import * as Path from "node:path"
import { lines, type Question, readReply, type Reply, writeQuestion } from "./message.ts"
import * as Proxy from "./proxy.ts"

type Answer = Exclude<Reply, { readonly _tag: "Ready" | "Given" }>

/** A question without its number. */
type Asked = Question extends infer Q
  ? Q extends { readonly ask: number }
    ? Omit<Q, "ask">
    : never
  : never

export interface Host {
  readonly proxy: Proxy.Proxy
  readonly isReady: () => boolean
  /** Asks the host; returns nothing if it dies first or takes longer than it may. */
  readonly ask: (question: Asked) => Effect.Effect<Option.Option<Answer>>
  readonly signal: (signal: "SIGKILL" | "SIGSTOP" | "SIGCONT") => void
  /** Sets its release from the next start on; `none`: it does not start. */
  readonly become: (release: "new" | "old" | "none") => void
  /** Starts it again, if it is dead. */
  readonly start: () => void
  /** The events that it has given a subscriber, over all of its lives. */
  readonly given: ReadonlyArray<EventId>
}

/** Longer than any fault lasts, except a stalled proxy. */
const PATIENCE = "4 seconds"

export const make = Effect.fnUntraced(function* (
  number: number,
  server: Redacted.Redacted,
  { forgetful }: { readonly forgetful: boolean }
) {
  const proxy = yield* Proxy.start(server)
  const asked = new Map<number, Deferred.Deferred<Option.Option<Answer>>>()
  const given: Array<EventId> = []
  let after = 0n
  let asks = 0
  let ready = false
  let release: "new" | "old" | "none" = "new"
  let child: ChildProcess | undefined

  const heard = (running: ChildProcess, line: string) => {
    // Output that a host wrote before its death still arrives; only whole lines count.
    const reply = readReply(line)
    if (reply._tag === "Given") {
      given.push(reply.eventId)
      after = reply.position
    } else if (reply._tag === "Ready") {
      ready = running === child
      running.stdin?.write(`${writeQuestion({ _tag: "Follow", after })}\n`)
    } else {
      const waiting = asked.get(reply.ask)
      asked.delete(reply.ask)
      if (waiting !== undefined) Deferred.doneUnsafe(waiting, Exit.succeed(Option.some(reply)))
    }
  }

  const start = () => {
    if (child !== undefined || release === "none") return
    const running = spawn(
      process.execPath,
      [
        Path.join(import.meta.dirname, "..", "programs", "tortureHost.ts"),
        String(number),
        ...(forgetful ? ["forgetful"] : release === "old" ? ["old"] : [])
      ],
      {
        stdio: ["pipe", "pipe", "inherit"],
        env: { DATABASE_URL: Redacted.value(proxy.url), DATABASE_MAX_CONNECTIONS: "6" }
      }
    )
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
  const host: Host = {
    proxy,
    given,
    start,
    become: (next) => {
      release = next
    },
    isReady: () => ready,
    signal: (signal) => child?.kill(signal),
    ask: (question) =>
      Effect.suspend(() => {
        if (child === undefined) return Effect.succeedNone
        const ask = ++asks
        const waiting: Deferred.Deferred<Option.Option<Answer>> = Deferred.makeUnsafe()
        asked.set(ask, waiting)
        child.stdin?.write(`${writeQuestion({ ...question, ask })}\n`)
        return Effect.timeoutOption(Deferred.await(waiting), PATIENCE).pipe(
          Effect.map(Option.flatten)
        )
      })
  }
  return host
})
