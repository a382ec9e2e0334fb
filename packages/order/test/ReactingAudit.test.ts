/**
 * The audit of a torture with reactors, processes and publishers: each of its lines finds the fault
 * that it is there for.
 */
import { assert, describe, it } from "@effect/vitest"
import { audit } from "./torture/reacting/audit.ts"
import type { Logged, Message, Observations, Sent } from "./torture/reacting/observed.ts"
import { report } from "./torture/reacting/report.ts"

const DAY = 86_400_000
const START = Date.parse("2026-01-01T00:00:00.000Z")

/** Records a log by hand, an event a second, and the commands that clients sent. */
const history = () => {
  const log: Array<Logged> = []
  const sent: Array<Sent> = []
  const add = (streamId: string, type: string, data: Logged["data"] = {}, commandId?: string) => {
    const event: Logged = {
      id: `event ${log.length + 1}`,
      streamId,
      revision: log.filter((one) => one.streamId === streamId).length + 1,
      position: BigInt(10 * (log.length + 1)),
      type,
      data,
      commandId,
      occurredMillis: START + 1_000 * log.length,
      recordedMillis: START + 1_000 * log.length
    }
    log.push(event)
    return event
  }
  /** Records the event of a client's command. */
  const client = (streamId: string, type: string, data: Logged["data"] = {}) => {
    const commandId = `command ${sent.length + 1}`
    const event = add(streamId, type, data, commandId)
    sent.push({
      streamId,
      commandId,
      answers: [{ _tag: "Accepted", revision: event.revision, events: 1 }],
      isDoubtful: false
    })
    return event
  }
  const receive = (streamId: string, { id: eventId, streamId: of, type }: Logged) =>
    add(streamId, "EventReceived", { eventId, type, streamId: of })
  const set = (streamId: string, timer: string, setting: number, cause: Logged, days: number) => {
    const due = new Date(cause.occurredMillis + days * DAY).toISOString()
    add(streamId, "TimerSet", { timer, setting, due })
  }
  /** A timer fires long after the event before it. */
  const fire = (streamId: string, timer: string, setting: number) => {
    const event = add(streamId, "TimerFired", { timer, setting })
    const late: Logged = { ...event, recordedMillis: event.recordedMillis + 20 * DAY }
    log[log.length - 1] = late
  }
  return { log, sent, add, client, receive, set, fire }
}

/** An order that is paid and shipped, one that is not paid, and a draft that is left alone. */
const sound = (): Observations => {
  const { add, client, fire, log, receive, sent, set } = history()
  for (const order of ["paid", "late", "sent"]) {
    const stream = `order-${order}`
    const [process, reminders] = [`process_payment-${order}`, `process_draft_reminder-${order}`]
    const created = client(stream, "OrderCreated", { customerId: order })
    receive(reminders, created)
    add(reminders, "DraftOpened", { customerId: order })
    set(reminders, "leftAlone", 1, created, 3)
    const added = client(stream, "ItemAdded")
    receive(reminders, added)
    set(reminders, "leftAlone", 2, added, 3)
    const confirmed = client(stream, "OrderConfirmed")
    receive(reminders, confirmed)
    add(reminders, "TimerCancelled", { timer: "leftAlone", setting: 2 })
    add(reminders, "ProcessEnded")
    receive(process, confirmed)
    const issue = (to: string, command: Logged["data"]) =>
      add(process, "CommandIssued", { to, id: order, command })
    const request = issue("payment", { _tag: "RequestPayment" })
    set(process, "paymentDue", 1, confirmed, 14)
    add(`payment-${order}`, "PaymentRequested", {}, request.id)
    if (order === "paid") {
      const received = client(`payment-${order}`, "PaymentReceived")
      receive(process, received)
      add(process, "OrderReleased")
      add(process, "TimerCancelled", { timer: "paymentDue", setting: 1 })
      receive(process, client(stream, "OrderShipped"))
      add(process, "ProcessEnded")
      continue
    }
    // It is shipped while its time to pay ends.
    const shipped = order === "sent" ? client(stream, "OrderShipped") : undefined
    fire(process, "paymentDue", 1)
    add(process, "PaymentOverdue")
    const reason = "not paid in time"
    const cancel = issue("order", { _tag: "CancelOrder", reason })
    if (shipped === undefined) {
      const cancelled = add(stream, "OrderCancelled", { reason }, cancel.id)
      receive(process, cancelled)
      const refund = issue("payment", { _tag: "CancelPayment", reason })
      add(process, "ProcessEnded")
      add(`payment-${order}`, "PaymentCancelled", { reason }, refund.id)
    } else {
      receive(process, shipped)
      add(process, "ProcessEnded")
      add(process, "CommandRejected", { issued: cancel.id })
    }
  }
  const draft = client("order-draft", "OrderCreated", { customerId: "draft" })
  receive("process_draft_reminder-draft", draft)
  add("process_draft_reminder-draft", "DraftOpened", { customerId: "draft" })
  set("process_draft_reminder-draft", "leftAlone", 1, draft, 3)
  fire("process_draft_reminder-draft", "leftAlone", 1)
  add("process_draft_reminder-draft", "ReminderDue", { customerId: "draft" })
  add("process_draft_reminder-draft", "ProcessEnded")

  const shop = log.filter(({ streamId }) => /^(?:order|payment)-/.test(streamId))
  const messagesOf = (publisher: string): ReadonlyArray<Message> =>
    shop.flatMap(({ id, revision, streamId: key, type }) =>
      [0, 1]
        .slice(0, revision % 2 === 0 ? 2 : 1)
        .map((copy) => ({ id: `${publisher}/${id}/${copy}`, key, data: { type, revision, copy } }))
    )
  const ended = (streamId: string, state: string) => ({ streamId, status: "ended", state })
  return {
    log,
    sent,
    reactions: shop.map(({ id }) => id),
    effects: shop.map(({ id }) => id),
    processes: [
      ended("process_payment-paid", "released"),
      ended("process_payment-late", "overdue"),
      ended("process_payment-sent", "overdue"),
      ...["paid", "late", "sent"].map((order) => ended(`process_draft_reminder-${order}`, "Open")),
      ended("process_draft_reminder-draft", "Reminded")
    ],
    topics: new Map(["to_kafka", "to_nats"].map((publisher) => [publisher, messagesOf(publisher)])),
    endMillis: START + 30 * DAY
  }
}

type Change<A> = (all: ReadonlyArray<A>) => ReadonlyArray<A>

const inLog =
  (change: Change<Logged>) =>
  (run: Observations): Observations => ({ ...run, log: change(run.log) })

/** Removes the first event of a type, as if it had never been there. */
const without = (type: string) =>
  inLog((log) => log.filter((event) => event !== log.find((one) => one.type === type)))

/** Records the first event of a type again, at the end of the log. */
const again = (type: string) =>
  inLog((log) => {
    const event = log.find((one) => one.type === type)
    const end = log.at(-1)?.position ?? 0n
    return event === undefined ? log : [...log, { ...event, id: "again", position: end + 10n }]
  })

const atBroker =
  (publisher: string, change: Change<Message>) =>
  (run: Observations): Observations => ({
    ...run,
    topics: new Map(
      Array.from(run.topics, ([name, messages]) => [
        name,
        name === publisher ? change(messages) : messages
      ])
    )
  })

/** Swaps the first two members. */
const swapped = <A>([first, second, ...rest]: ReadonlyArray<A>): ReadonlyArray<A> =>
  [second, first, ...rest].filter((one) => one !== undefined)

/** Of one order: the first two members are of one key. */
const ofOneKey = (run: Observations): ReadonlyArray<string> =>
  run.log.filter(({ streamId }) => streamId === "order-paid").map(({ id }) => id)

const twins: ReadonlyArray<
  readonly [line: string, fault: string, plant: (run: Observations) => Observations]
> = [
  ["acknowledged events lost", "an event is gone", without("ItemAdded")],
  [
    "acknowledged events lost",
    "an event has another revision than its answer",
    inLog((log) =>
      log.map((one) => (one.type === "ItemAdded" ? { ...one, revision: one.revision + 1 } : one))
    )
  ],
  [
    "commands of clients counted twice or recorded though refused",
    "a command is recorded twice",
    again("ItemAdded")
  ],
  [
    "commands of clients counted twice or recorded though refused",
    "a refused command is recorded",
    (run) => ({
      ...run,
      sent: run.sent.map((one) => ({ ...one, answers: [{ _tag: "Rejected" as const }] }))
    })
  ],
  [
    "commands of clients counted twice or recorded though refused",
    "an accepted command is refused when it comes again",
    (run) => ({
      ...run,
      sent: run.sent.map((one) => ({
        ...one,
        answers: [...one.answers, { _tag: "Rejected" as const }]
      }))
    })
  ],
  [
    "events of unknown commands",
    "no client sent the command",
    (run) => ({ ...run, sent: run.sent.slice(1) })
  ],
  [
    "events not reacted to",
    "a reaction is gone",
    (run) => ({ ...run, reactions: run.reactions.slice(1) })
  ],
  [
    "events not reacted to",
    "a reaction is to no event",
    (run) => ({ ...run, reactions: [...run.reactions, "none"] })
  ],
  [
    "reactions out of the order of their key",
    "an event comes before an earlier one of its key",
    (run) => ({ ...run, reactions: swapped(ofOneKey(run)) })
  ],
  [
    "reactions out of the order of their key",
    "a transaction comes before an earlier one of its key",
    (run) => ({ ...run, effects: swapped(ofOneKey(run)) })
  ],
  [
    "transactional reactions not exactly once",
    "a reaction is gone",
    (run) => ({ ...run, effects: run.effects.slice(1) })
  ],
  [
    "transactional reactions not exactly once",
    "a reaction comes twice",
    (run) => ({ ...run, effects: [...run.effects, ...run.effects.slice(-1)] })
  ],
  [
    "process states that differ from the model",
    "an input is not taken",
    inLog((log) =>
      log.filter(({ data, type }) => type !== "EventReceived" || data["type"] !== "OrderShipped")
    )
  ],
  ["process states that differ from the model", "an input is taken twice", again("EventReceived")],
  [
    "process states that differ from the model",
    "a step lacks an own event",
    without("OrderReleased")
  ],
  [
    "process states that differ from the model",
    "a step lacks its command",
    without("CommandIssued")
  ],
  ["process states that differ from the model", "a process does not end", without("ProcessEnded")],
  [
    "process states that differ from the model",
    "the folded state is another one",
    (run) => ({
      ...run,
      processes: run.processes.map((one) =>
        one.state === "overdue" ? { ...one, state: "released" } : one
      )
    })
  ],
  [
    "process states that differ from the model",
    "a process is not there",
    (run) => ({ ...run, processes: run.processes.slice(1) })
  ],
  ["timers fired twice, early or not at all", "a timer fires twice", again("TimerFired")],
  [
    "timers fired twice, early or not at all",
    "a timer fires early",
    inLog((log) => log.map((one) => ({ ...one, recordedMillis: START })))
  ],
  [
    "timers fired twice, early or not at all",
    "a timer does not fire",
    inLog((log) => {
      const fired = log.findIndex(({ type }) => type === "TimerFired")
      const { streamId = "" } = log[fired] ?? {}
      return log.filter((one, place) => one.streamId !== streamId || place < fired)
    })
  ],
  ["commands of processes lost or counted twice", "an effect is gone", without("PaymentRequested")],
  ["commands of processes lost or counted twice", "an effect comes twice", again("OrderCancelled")],
  [
    "commands of processes lost or counted twice",
    "a rejection is gone",
    without("CommandRejected")
  ],
  [
    "commands of processes lost or counted twice",
    "the effect is of another payment",
    inLog((log) =>
      log.map((one) =>
        one.type === "PaymentRequested" ? { ...one, streamId: "payment-other" } : one
      )
    )
  ],
  ...["to_kafka", "to_nats"].flatMap((publisher): Array<(typeof twins)[number]> => [
    [
      `messages missing at ${publisher}`,
      "a message is gone",
      atBroker(publisher, (messages) => messages.slice(1))
    ],
    [
      `messages out of order at ${publisher}`,
      "a message comes before an earlier one of its key",
      atBroker(publisher, (messages) => {
        const own = messages.filter(({ key }) => key === "order-paid")
        return [...swapped(own), ...messages]
      })
    ],
    [
      `messages unknown to the model at ${publisher}`,
      "a message is of no event",
      atBroker(publisher, (messages) => [...messages, { id: "none", key: "order-paid", data: {} }])
    ],
    [
      `messages unknown to the model at ${publisher}`,
      "a message comes again with other data",
      atBroker(publisher, (messages) => [
        ...messages,
        ...messages.slice(0, 1).map((one) => ({ ...one, data: {} }))
      ])
    ]
  ])
]

const linesOf = (run: Observations) => [...audit(run).keys()]

describe("The audit of a torture with reactors", () => {
  it("finds nothing in a sound run", () => {
    const found = Array.from(audit(sound()).values()).flat()
    assert.deepStrictEqual(found, [])
  })

  it("takes repeated reactions and messages for what they are", () => {
    const run = sound()
    const repeated: Observations = {
      ...run,
      reactions: [...run.reactions, ...run.reactions],
      topics: new Map(
        Array.from(run.topics, ([name, messages]) => [name, [...messages, ...messages]])
      )
    }
    assert.deepStrictEqual(Array.from(audit(repeated).values()).flat(), [])
  })

  it("lets a command be recorded that was refused after an attempt without an answer", () => {
    const run = sound()
    const late: Observations = {
      ...run,
      sent: run.sent.map((one) => ({ ...one, answers: [{ _tag: "Rejected" }], isDoubtful: true }))
    }
    assert.deepStrictEqual(Array.from(audit(late).values()).flat(), [])
  })

  it("lets a command be accepted that was refused when it came first", () => {
    const run = sound()
    const second: Observations = {
      ...run,
      sent: run.sent.map((one) => ({ ...one, answers: [{ _tag: "Rejected" }, ...one.answers] }))
    }
    assert.deepStrictEqual(Array.from(audit(second).values()).flat(), [])
  })

  it.each(twins)("counts in “%s” that %s", (line, _, plant) => {
    assert.isNotEmpty(audit(plant(sound())).get(line))
  })

  it("has a fault for each of its lines", () => {
    assert.deepStrictEqual(
      linesOf(sound()).toSorted(),
      [...new Set(twins.map(([line]) => line))].toSorted()
    )
  })

  it("is clean only if no line has a finding", () => {
    const rest = {
      attacks: new Map(),
      orders: 1,
      commands: 1,
      doubtful: 0,
      events: new Map(),
      repeated: new Map()
    }
    const of = (other: ReadonlyArray<string>) =>
      report({ ...rest, findings: new Map([["other", other]]) })
    assert.isTrue(of([]).isClean)
    assert.include(of([]).lines, "other: 0")
    assert.isFalse(of(["a host did not end"]).isClean)
    assert.include(of(["a host did not end"]).lines, "other: 1")
  })
})
