/**
 * The load: connections that each make orders, change them, and read them, one request at a time.
 */
import autocannon from "autocannon"
import * as Effect from "effect/Effect"
import { randomUUID } from "node:crypto"

/** The part of a cycle that one connection remembers. */
interface Cycle {
  id?: string
}

/** The highest revision that a host acknowledged of each order. */
export type Acknowledged = Map<string, number>

/** The figures of a run. */
export interface Figures {
  readonly perSecond: number
  readonly p50Millis: number
  readonly p99Millis: number
  /** Answers with another status than 200, and requests without an answer. */
  readonly failed: number
}

export interface Options {
  readonly url: string
  readonly connections: number
  readonly seconds: number
  /** Is called with each answer; the highest revision of each order is kept in `acknowledged`. */
  readonly onAnswer?: (answers: number) => void
  readonly acknowledged?: Acknowledged
}

const headers = { "content-type": "application/json" }

/** A cycle of requests on a new order: half of them commands, half of them reads. */
const cycle = (acknowledged: Acknowledged | undefined): Array<autocannon.Request> => {
  const command = (body: object): autocannon.Request => ({
    method: "POST",
    body: JSON.stringify(body),
    setupRequest: (request, context: Cycle) => {
      context.id ??= randomUUID()
      const path = `/orders/${context.id}/commands`
      return { ...request, path, headers: { ...headers, "idempotency-key": randomUUID() } }
    },
    onResponse: (status, body, { id = "" }: Cycle) => {
      if (status !== 200 || acknowledged === undefined) return
      const { revision } = JSON.parse(body) as { readonly revision: number }
      acknowledged.set(id, Math.max(revision, acknowledged.get(id) ?? 0))
    }
  })
  const state: autocannon.Request = {
    method: "GET",
    setupRequest: (request, { id = "" }: Cycle) => ({ ...request, path: `/orders/${id}` })
  }
  const item = command({
    _tag: "AddItem",
    productId: "22423",
    name: "Regency cakestand 3 tier",
    quantity: 2,
    unitPrice: { currency: "GBP", minor: 1275 }
  })
  return [
    command({ _tag: "CreateOrder", customerId: "12583", currency: "GBP" }),
    item,
    state,
    item,
    state,
    { method: "GET", path: "/order-summaries?status=draft&limit=20" }
  ]
}

/** Loads a host for some seconds, or until `Effect.interrupt`. */
export const run = ({ acknowledged, connections, onAnswer, seconds, url }: Options) =>
  Effect.callback<Figures, Error>((resume) => {
    let answers = 0
    const instance = autocannon(
      { url, connections, duration: seconds, requests: cycle(acknowledged), timeout: 30 },
      (error: Error | null, result) => {
        if (error !== null) return resume(Effect.fail(error))
        const { errors, latency, non2xx, requests } = result
        resume(
          Effect.succeed({
            perSecond: requests.average,
            p50Millis: latency.p50,
            p99Millis: latency.p99,
            failed: errors + non2xx
          })
        )
      }
    )
    if (onAnswer !== undefined) instance.on("response", () => onAnswer(++answers))
    return Effect.sync(() => instance.stop())
  })
