/** Clients of a served shop that keep a record of what it acknowledged. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { Agent, type IncomingMessage, request as requestOf } from "node:http"
import { text } from "node:stream/consumers"
import type { Serving } from "./serving.ts"

/** A command as its client sent it. */
interface Sent {
  readonly order: string
  readonly key: string
  readonly body: string
}

/** What the shop said of a command, in the words of its answer. */
interface Acknowledged extends Sent {
  readonly answer: string
}

interface Answer {
  readonly revision: number
  readonly position: string
  readonly events: number
  readonly repeated: boolean
}

/** A command whose answer did not come, since the connection failed. */
class Lost extends Error {
  override readonly name = "Lost"
  readonly sent: Sent
  /** True if the shop had asked for the body, and so had taken the request. */
  readonly isTaken: boolean
  readonly code: string | undefined
  constructor(sent: Sent, isTaken: boolean, cause: NodeJS.ErrnoException) {
    super(`${sent.key}: ${cause.message}`, { cause })
    this.sent = sent
    this.isTaken = isTaken
    this.code = cause.code
  }
}

export interface Record {
  readonly acknowledged: ReadonlyArray<Acknowledged>
  /** The last command of each client. */
  readonly lost: ReadonlyArray<Lost>
  /** The answers that were no success. */
  readonly refused: ReadonlyArray<string>
}

interface State {
  readonly revision: number
  readonly state: {
    readonly lines: ReadonlyArray<{ readonly productId: string; readonly quantity: number }>
  }
}

const CLIENTS = 8

/**
 * Sends a command, its body once the shop has asked for it: a shop that drops what it has taken is
 * told from one that closes an idle connection under a request, or that never had it.
 */
const post = (url: string, agent: Agent, sent: Sent) =>
  new Promise<{ readonly status: number | undefined; readonly answer: string }>(
    (resolve, reject) => {
      let isTaken = false
      const fail = (cause: Error) => reject(new Lost(sent, isTaken, cause))
      const request = requestOf(`${url}/orders/${sent.order}/commands`, {
        method: "POST",
        agent,
        headers: {
          "content-type": "application/json",
          "idempotency-key": sent.key,
          "content-length": Buffer.byteLength(sent.body),
          expect: "100-continue"
        }
      })
      request.once("continue", () => {
        isTaken = true
        request.end(sent.body)
      })
      request.once("response", (response: IncomingMessage) => {
        text(response).then((answer) => resolve({ status: response.statusCode, answer }), fail)
      })
      request.once("error", fail)
      request.flushHeaders()
    }
  )

/**
 * Sends commands, each client to an order of its own and to one that all share, until the shop does
 * not answer any more. Calls `onAcknowledged` with the number of acknowledged commands. `run` names
 * the orders of this run.
 */
export const work = (shop: Serving, run: string, onAcknowledged: (count: number) => void) =>
  Effect.promise(async (): Promise<Record> => {
    const acknowledged: Array<Acknowledged> = []
    const lost: Array<Lost> = []
    const refused: Array<string> = []
    const agent = new Agent({ keepAlive: true })
    const send = async (sent: Sent) => {
      const { answer, status } = await post(shop.url, agent, sent)
      if (status !== 200) refused.push(`${status} ${answer}`)
      else onAcknowledged(acknowledged.push({ ...sent, answer }))
    }
    const create = (order: string) =>
      send({
        order,
        key: `create-${order}`,
        body: JSON.stringify({ _tag: "CreateOrder", customerId: "ada", currency: "GBP" })
      })
    const client = async (name: string) => {
      await create(name)
      for (let count = 1; ; count++) {
        for (const order of [name, shared]) {
          await send({
            order,
            key: `${name}-${order}-${count}`,
            body: JSON.stringify({
              _tag: "AddItem",
              productId: `${name}-${count}`,
              name: "A thing",
              quantity: 1,
              unitPrice: { currency: "GBP", minor: 100 }
            })
          })
        }
      }
    }
    const shared = `${run}-shared`
    await create(shared)
    // Each ends when its connection does.
    const clients = Array.from({ length: CLIENTS }, (_, index) => client(`${run}-${index}`))
    const ends = await Promise.allSettled(clients)
    agent.destroy()
    for (const end of ends) {
      // The connection failed: an error of the client itself is a fault of this test.
      if (end.status === "fulfilled" || !(end.reason instanceof Lost)) {
        throw new Error("a client ended by itself", { cause: end })
      }
      lost.push(end.reason)
    }
    return { acknowledged, lost, refused }
  })

/** Asserts that the shop answered each command that it had taken before it ended. */
export const assertAnswered = ({ lost }: Record) => {
  for (const { code, isTaken, sent } of lost) {
    assert.isFalse(isTaken, `${sent.key} was taken and not answered: ${code}`)
    // It listens no more, or it closed an idle connection while the request was on its way.
    assert.include(["ECONNREFUSED", "ECONNRESET", "EPIPE"], code)
  }
}

/**
 * Asserts that the shop has each acknowledged command, once, with the answer that it gave then; and
 * each lost one too once it is repeated, and nothing else.
 */
export const verify = (shop: Serving, { acknowledged, lost }: Record) =>
  Effect.promise(async () => {
    const agent = new Agent({ keepAlive: true })
    const repeat = async (sent: Sent) =>
      JSON.parse((await post(shop.url, agent, sent)).answer) as Answer
    for (const sent of acknowledged) {
      const first = JSON.parse(sent.answer) as Answer
      const again = await repeat(sent)
      // The first answer has the position of the whole append, which other commands may share.
      assert.isTrue(BigInt(again.position) <= BigInt(first.position), sent.key)
      assert.deepStrictEqual(again, { ...first, position: again.position, repeated: true })
    }
    for (const { isTaken, sent } of lost) {
      const { events, repeated } = await repeat(sent)
      assert.strictEqual(events, 1)
      if (!isTaken) assert.isFalse(repeated, `${sent.key} had no body`)
    }
    agent.destroy()
    const all = [...acknowledged, ...lost.map(({ sent }) => sent)]
    const orders = Map.groupBy(all, ({ order }) => order)
    for (const [order, commands] of orders) {
      const response = await fetch(`${shop.url}/orders/${order}`)
      const { revision, state } = (await response.json()) as State
      // Each command has one event.
      assert.strictEqual(revision, commands.length, order)
      const added = commands.flatMap(({ body }) => {
        const { productId } = JSON.parse(body) as { readonly productId?: string }
        return productId === undefined ? [] : [productId]
      })
      assert.deepStrictEqual(
        state.lines.map(({ productId, quantity }) => `${quantity} ${productId}`).toSorted(),
        added.map((productId) => `1 ${productId}`).toSorted()
      )
    }
  })
