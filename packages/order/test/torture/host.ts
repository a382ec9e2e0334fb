/**
 * A host of orders in a process of its own, behind its own proxy to the server.
 */
import type { EventId } from "@daybook/kernel/EventId"
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Path from "node:path"
import * as HostProcess from "./hostProcess.ts"
import { type Question, readReply, type Reply, writeQuestion } from "./message.ts"
import * as Proxy from "./proxy.ts"

type Answer = Exclude<Reply, { readonly _tag: "Ready" | "Given" }>

/** A question without its number. */
type Asked = Question extends infer Q
  ? Q extends { readonly ask: number }
    ? Omit<Q, "ask">
    : never
  : never

export interface Host extends Pick<
  HostProcess.HostProcess<Answer>,
  "isReady" | "signal" | "start"
> {
  readonly proxy: Proxy.Proxy
  /** Asks the host; returns nothing if it dies first or takes longer than it may. */
  readonly ask: (question: Asked) => Effect.Effect<Option.Option<Answer>>
  /** Sets its release from the next start on; `none`: it does not start. */
  readonly become: (release: "new" | "old" | "none") => void
  /** The events that it has given a subscriber, over all of its lives. */
  readonly given: ReadonlyArray<EventId>
}

const PROGRAM = Path.join(import.meta.dirname, "..", "programs", "tortureHost.ts")

export const make = Effect.fnUntraced(function* (
  number: number,
  server: Redacted.Redacted,
  { forgetful }: { readonly forgetful: boolean }
) {
  const proxy = yield* Proxy.start(server)
  const given: Array<EventId> = []
  let after = 0n
  let release: "new" | "old" | "none" = "new"

  const running = yield* HostProcess.make<Answer>({
    command: () =>
      release === "none"
        ? undefined
        : [
            PROGRAM,
            String(number),
            ...(forgetful ? ["forgetful"] : release === "old" ? ["old"] : [])
          ],
    env: { DATABASE_URL: Redacted.value(proxy.url), DATABASE_MAX_CONNECTIONS: "6" },
    hear: (line, tell) => {
      const reply = readReply(line)
      switch (reply._tag) {
        case "Given":
          given.push(reply.eventId)
          after = reply.position
          return { _tag: "Other" }
        case "Ready":
          tell(writeQuestion({ _tag: "Follow", after }))
          return { _tag: "Ready" }
        default:
          return { _tag: "Answer", ask: reply.ask, answer: reply }
      }
    }
  })
  const host: Host = {
    ...running,
    proxy,
    given,
    become: (next) => {
      release = next
    },
    ask: (question) => running.ask((ask) => writeQuestion({ ...question, ask }))
  }
  return host
})
