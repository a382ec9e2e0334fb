/**
 * The observations of a small run without a fault, written by hand; the tests of the audit plant
 * faults in it.
 */
import type { Logged, Message, Observations, Sent } from "./observed.ts"

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
export const sound = (): Observations => {
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
