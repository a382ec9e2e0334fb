/**
 * A host of the shop in a process of its own, behind its own proxy to the server.
 */
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Path from "node:path"
import * as HostProcess from "../hostProcess.ts"
import * as Proxy from "../proxy.ts"
import { type Question, readReply, type Reply, writeQuestion } from "./message.ts"

type Answer = Exclude<Reply, { readonly _tag: "Ready" }>

export interface Host extends Omit<HostProcess.HostProcess<Answer>, "ask"> {
  readonly proxy: Proxy.Proxy
  /** Asks the host; returns nothing if it dies first or takes longer than it may. */
  readonly ask: (question: Omit<Question, "ask">) => Effect.Effect<Option.Option<Answer>>
}

/** The addresses of what a host connects to. */
export interface Addresses {
  readonly database: Redacted.Redacted
  readonly kafka: string
  readonly nats: string
}

const PROGRAM = Path.join(import.meta.dirname, "..", "..", "programs", "reactingHost.ts")

export const make = Effect.fnUntraced(function* (
  { database, kafka, nats }: Addresses,
  { isLogged }: { readonly isLogged: boolean }
) {
  const proxy = yield* Proxy.start(database)
  const running = yield* HostProcess.make<Answer>({
    command: () => [PROGRAM, ...(isLogged ? ["log"] : [])],
    env: {
      DATABASE_URL: Redacted.value(proxy.url),
      DATABASE_MAX_CONNECTIONS: "10",
      KAFKA_BROKER: kafka,
      NATS_SERVER: nats
    },
    hear: (line) => {
      const reply = readReply(line)
      return reply._tag === "Ready" ? reply : { _tag: "Answer", ask: reply.ask, answer: reply }
    }
  })
  const host: Host = {
    ...running,
    proxy,
    ask: (question) => running.ask((ask) => writeQuestion({ ...question, ask }))
  }
  return host
})
