/**
 * The clients that send commands, and repeat each with the same id until it is answered.
 */
import * as CommandId from "@daybook/kernel/CommandId"
import { aggregate } from "@daybook/order/Order"
import type { OrderCommand } from "@daybook/order/OrderCommand"
import type { OrderState } from "@daybook/order/OrderState"
import type * as Auditor from "@daybook/testing/simulation/Auditor"
import * as Arbitrary from "effect/Arbitrary"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Random from "effect/Random"
import * as Result from "effect/Result"
import { command as orderCommands } from "../orderSimulation.ts"
import type * as Host from "./host.ts"

interface Request extends Auditor.Sent<OrderCommand, OrderState> {
  readonly occurredAt: DateTime.Utc
  readonly answers: Array<Auditor.Answer<OrderState>>
  doubtful: boolean
}

const CLIENTS = 12
/** The number of orders in work at a time, each until it has had {@link COMMANDS_EACH} commands. */
const OPEN = 6
const COMMANDS_EACH = 24

/** Errors of stores that are cut off; any other error is a fault. */
const EXPECTED = [
  "EventStoreError",
  "WrongExpectedRevision",
  // From an old release.
  "EventDecodeError",
  "EventEncodeError"
]

export const make = Effect.fnUntraced(function* (hosts: ReadonlyArray<Host.Host>) {
  const commands = yield* Arbitrary.sampleEffect(Arbitrary.schema(orderCommands), { count: 200 })
  const seed = Redacted.make(SecureRandom.uuidV4Unsafe())
  const run = Redacted.value(seed).slice(0, 8)
  const sent: Array<Request> = []
  const loads: Array<Auditor.Loaded> = []
  const unexpectedErrors: Array<string> = []
  const seen = new Map<string, OrderState>()
  const random = yield* Random.Random
  const clock = yield* Clock.Clock
  const shift = { over: false }
  let orderCount = 0
  const open = Array.from({ length: OPEN }, () => ({ id: `${run}-${++orderCount}`, commands: 0 }))
  // The index is in range.
  const pick = <A>(members: ReadonlyArray<A>) =>
    members[Math.floor(random.nextDoubleUnsafe() * members.length)] as A

  const next = (): string => {
    const place = Math.floor(random.nextDoubleUnsafe() * OPEN)
    const order = open[place]
    if (order === undefined || order.commands++ >= COMMANDS_EACH) {
      open[place] = { id: `${run}-${++orderCount}`, commands: 1 }
    }
    return open[place]?.id ?? run
  }

  const write = (id: string): Request => {
    const state = seen.get(id) ?? aggregate.decider.initialState
    let command = pick(commands)
    for (let look = 0; look < 8; look++) {
      if (Result.isSuccess(aggregate.decider.decide(command, state))) break
      command = pick(commands)
    }
    const request: Request = {
      category: aggregate.category,
      id,
      command,
      commandId: CommandId.make(SecureRandom.uuidV4Unsafe()),
      occurredAt: DateTime.makeUnsafe(clock.currentTimeMillisUnsafe()),
      answers: [],
      doubtful: false
    }
    sent.push(request)
    return request
  }

  /** Returns true if it was answered. */
  const send = Effect.fnUntraced(function* (request: Request) {
    const { command, commandId, id, occurredAt } = request
    const reply = yield* pick(hosts).ask({
      _tag: "Execute",
      id,
      commandId,
      command,
      occurredAt: occurredAt.epochMilliseconds
    })
    if (Option.isNone(reply)) {
      request.doubtful = true
      return false
    }
    switch (reply.value._tag) {
      case "Accepted": {
        const { events, revision, state } = reply.value
        request.answers.push({ _tag: "Accepted", revision, events, state })
        seen.set(id, state)
        return true
      }
      case "Rejected":
        request.answers.push({ _tag: "Rejected" })
        return true
      case "Failed":
        request.doubtful = true
        if (!EXPECTED.includes(reply.value.error)) {
          unexpectedErrors.push(`${reply.value.error}: ${reply.value.message}`)
        }
        return false
      case "Loaded":
        return false
    }
  })

  const look = Effect.fnUntraced(function* (id: string) {
    const reply = yield* pick(hosts).ask({ _tag: "Load", id })
    if (Option.isNone(reply) || reply.value._tag !== "Loaded") return
    const { revision, state } = reply.value
    seen.set(id, state)
    loads.push({ category: aggregate.category, id, revision, state })
  })

  const client = Effect.gen(function* () {
    while (!shift.over) {
      const id = next()
      if (random.nextDoubleUnsafe() < 0.1) yield* look(id)
      const request = write(id)
      while (!(yield* send(request))) yield* Effect.sleep("50 millis")
      // A client that missed the answer.
      if (random.nextDoubleUnsafe() < 0.05) yield* send(request)
      yield* Effect.sleep(Duration.millis(random.nextDoubleUnsafe() * 30))
    }
  })

  return {
    sent,
    loads,
    unexpectedErrors,
    pick,
    /** The ids of the orders in work. */
    open: () => open.map(({ id }) => id),
    work: Effect.all(
      Array.from({ length: CLIENTS }, () => client),
      { concurrency: "unbounded", discard: true }
    ),
    begin: () => {
      shift.over = false
    },
    stop: () => {
      shift.over = true
    }
  }
})
