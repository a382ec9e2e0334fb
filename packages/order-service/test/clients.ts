/** Clients of a served shop that keep a record of what it acknowledged. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
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

export interface Record {
  readonly acknowledged: ReadonlyArray<Acknowledged>
  /** The answers that were no success. */
  readonly refused: ReadonlyArray<string>
}

const CLIENTS = 8

const post = (url: string, { body, key, order }: Sent) =>
  fetch(`${url}/orders/${order}/commands`, {
    method: "POST",
    headers: { "content-type": "application/json", "idempotency-key": key },
    body
  })

/**
 * Sends commands, each client to an order of its own and to one that all share, until the shop does
 * not answer any more. Calls `onAcknowledged` with the number of acknowledged commands. `run` names
 * the orders of this run.
 */
export const work = (shop: Serving, run: string, onAcknowledged: (count: number) => void) =>
  Effect.promise(async (): Promise<Record> => {
    const acknowledged: Array<Acknowledged> = []
    const refused: Array<string> = []
    const send = async (sent: Sent) => {
      const response = await post(shop.url, sent)
      const answer = await response.text()
      if (response.status !== 200) refused.push(`${response.status} ${answer}`)
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
    for (const end of ends) {
      // The connection failed: an error of the client itself is a fault of this test.
      if (end.status === "fulfilled" || !(end.reason instanceof TypeError)) {
        throw new Error("a client ended by itself", { cause: end })
      }
    }
    return { acknowledged, refused }
  })

/** Asserts that the shop has each acknowledged command, once, with the answer that it gave then. */
export const verify = (shop: Serving, { acknowledged }: Record) =>
  Effect.promise(async () => {
    for (const sent of acknowledged) {
      const first = JSON.parse(sent.answer) as Answer
      const again = (await (await post(shop.url, sent)).json()) as Answer
      // The first answer has the position of the whole append, which other commands may share.
      assert.isTrue(BigInt(again.position) <= BigInt(first.position), sent.key)
      assert.deepStrictEqual(again, { ...first, position: again.position, repeated: true })
    }
    const orders = Map.groupBy(acknowledged, ({ order }) => order)
    for (const [order, commands] of orders) {
      const response = await fetch(`${shop.url}/orders/${order}`)
      const { state } = (await response.json()) as {
        readonly state: { readonly lines: ReadonlyArray<{ readonly productId: string }> }
      }
      const lines = new Set(state.lines.map(({ productId }) => productId))
      for (const { body } of commands) {
        const { productId } = JSON.parse(body) as { readonly productId?: string }
        if (productId !== undefined) assert.isTrue(lines.has(productId), productId)
      }
    }
  })
