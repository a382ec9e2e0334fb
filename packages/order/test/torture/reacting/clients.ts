/**
 * The clients of the shop. Each takes one order after the other from its draft to its end, sends
 * each command until it is answered, and keeps a record of its own.
 */
import * as Order from "@daybook/order/Order"
import type { OrderCommand } from "@daybook/order/OrderCommand"
import * as Payment from "@daybook/order/Payment"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import type { Host } from "./host.ts"
import type { Target } from "./message.ts"
import type { Sent } from "./observed.ts"

interface Request extends Sent {
  readonly answers: Array<Sent["answers"][number]>
  isDoubtful: boolean
}

const CLIENTS = 12
/** The times that a client tries to pay: its order may wait for the request, or be cancelled. */
const PAYMENTS = 8

/** Errors of stores that are cut off; any other error is a fault. */
const EXPECTED = ["EventStoreError", "WrongExpectedRevision", "Overloaded"]

const DAY = 86_400_000

export const make = Effect.fnUntraced(function* (hosts: ReadonlyArray<Host>) {
  const run = SecureRandom.uuidV4Unsafe().slice(0, 8)
  const sent: Array<Request> = []
  const unexpectedErrors: Array<string> = []
  const random = yield* Random.Random
  const clock = yield* Clock.Clock
  const shift = { over: false }
  let orders = 0
  let answered = 0
  // The index is in range.
  const pick = <A>(members: ReadonlyArray<A>) =>
    members[Math.floor(random.nextDoubleUnsafe() * members.length)] as A
  const chance = (share: number) => random.nextDoubleUnsafe() < share
  /** From `least` to four times as long. */
  const pause = (least: number) =>
    Effect.sleep(Duration.millis(least * (1 + 3 * random.nextDoubleUnsafe())))

  /** Returns the kind of the answer. */
  const ask = Effect.fnUntraced(function* (
    request: Request,
    question: { readonly id: string; readonly occurredAt: number; readonly target: Target }
  ) {
    const reply = yield* pick(hosts).ask({ ...question, commandId: request.commandId })
    if (Option.isNone(reply)) {
      request.isDoubtful = true
      return undefined
    }
    const { value } = reply
    if (value._tag === "Failed") {
      request.isDoubtful = true
      if (!EXPECTED.includes(value.error)) unexpectedErrors.push(`${value.error}: ${value.message}`)
      return undefined
    }
    answered++
    request.answers.push(
      value._tag === "Rejected"
        ? { _tag: "Rejected" }
        : { _tag: "Accepted", revision: value.revision, events: value.events }
    )
    return value._tag
  })

  /** Sends a command until it is answered; returns true if it was accepted. */
  const send = Effect.fnUntraced(function* (id: string, target: Target, occurredAt: number) {
    const { category } = target._tag === "Order" ? Order.aggregate : Payment.aggregate
    const request: Request = {
      streamId: `${category}-${id}`,
      commandId: SecureRandom.uuidV4Unsafe(),
      answers: [],
      isDoubtful: false
    }
    sent.push(request)
    const question = { id, target, occurredAt }
    let answer = yield* ask(request, question)
    while (answer === undefined) {
      yield* Effect.sleep("50 millis")
      answer = yield* ask(request, question)
    }
    // A client that missed the answer.
    if (chance(0.05)) yield* ask(request, question)
    return answer === "Accepted"
  })
  const now = () => clock.currentTimeMillisUnsafe()
  const command = (id: string, one: OrderCommand, occurredAt = now()) =>
    send(id, { _tag: "Order", command: one }, occurredAt)

  /**
   * What a customer does to a draft occurred almost as long ago as a draft may be left alone, so
   * its timer is due in a second or two.
   */
  const draft = (id: string, one: OrderCommand) =>
    command(id, one, now() - 3 * DAY + 500 + Math.floor(random.nextDoubleUnsafe() * 2_000))

  const pay = Effect.fnUntraced(function* (id: string) {
    for (let tries = 0; tries < PAYMENTS; tries++) {
      const payment: Target = {
        _tag: "Payment",
        command: {
          _tag: "ReceivePayment",
          amount: { currency: "GBP", minor: 1_250 },
          reference: `transfer ${id}`
        }
      }
      if (yield* send(id, payment, now())) return
      yield* pause(100)
    }
  })

  const order = Effect.gen(function* () {
    const id = `${run}-${++orders}`
    yield* draft(id, { _tag: "CreateOrder", customerId: `customer ${id}`, currency: "GBP" })
    for (const productId of ["ink", "paper", "pen"].slice(0, pick([1, 2, 3]))) {
      yield* pause(chance(0.2) ? 500 : 10)
      yield* draft(id, {
        _tag: "AddItem",
        productId,
        name: productId,
        quantity: 2,
        unitPrice: { currency: "GBP", minor: 125 }
      })
    }
    if (chance(0.2)) {
      yield* draft(id, { _tag: "RemoveItem", productId: "ink", quantity: 1, reason: "too many" })
    }
    const address = {
      recipient: id,
      line1: "1 High Street",
      city: "Leeds",
      postalCode: "LS1",
      country: "GB"
    }
    yield* draft(id, { _tag: "UpdateShippingAddress", address })
    // Left alone.
    if (chance(0.15)) return
    if (chance(0.1)) {
      yield* command(id, { _tag: "CancelOrder", reason: "second thoughts" })
      return
    }
    // As for a draft: the payment is due in a second or two.
    const due = 500 + Math.floor(random.nextDoubleUnsafe() * 2_000)
    yield* command(id, { _tag: "ConfirmOrder" }, now() - 14 * DAY + due)
    if (chance(0.3)) {
      // Near to the instant at which the timer fires.
      yield* Effect.sleep(Duration.millis(Math.max(0, due - 200 + 400 * random.nextDoubleUnsafe())))
      yield* pay(id)
    } else if (chance(0.6)) yield* pay(id)
    if (chance(0.2)) yield* command(id, { _tag: "CancelOrder", reason: "second thoughts" })
    else if (chance(0.7)) {
      yield* command(id, { _tag: "ShipOrder", carrier: "post", tracking: id })
    }
  })

  const client = Effect.gen(function* () {
    while (!shift.over) {
      yield* order
      yield* pause(10)
    }
  })

  return {
    sent,
    unexpectedErrors,
    pick,
    orders: () => orders,
    doubtful: () => sent.filter(({ isDoubtful }) => isDoubtful).length,
    answered: () => answered,
    work: Effect.all(
      Array.from({ length: CLIENTS }, () => client),
      { concurrency: "unbounded", discard: true }
    ),
    stop: () => {
      shift.over = true
    }
  }
})
