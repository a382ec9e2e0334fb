/**
 * The processes of the shop, written again by hand: from the events of orders and payments, and the
 * instants at which timers fired, follows every event of a process. No code of the kernel is used.
 */
import type { Logged } from "./observed.ts"

type Data = Logged["data"]

/** The input of a step: an event of an order or a payment, or a timer. */
interface Input {
  /** The type of the event, or the name of the timer. */
  readonly name: string
  readonly data: Data
  readonly atMillis: number
}

interface Reaction {
  readonly state?: string
  /** The types and the data of the process's own events. */
  readonly own?: ReadonlyArray<readonly [type: string, data: Data]>
  readonly command?: { readonly to: string; readonly command: Data }
  readonly set?: { readonly timer: string; readonly afterMillis: number }
  readonly cancel?: string
}

export interface ProcessModel {
  readonly category: string
  readonly initial: string
  readonly start: string
  readonly continues: ReadonlyArray<string>
  readonly ends: ReadonlyArray<string>
  /** A state in which the process ends. */
  readonly done?: string
  readonly react: (state: string, input: Input, start: Data) => Reaction
}

const DAY = 86_400_000

/** A confirmed order is released when it is paid, and cancelled 14 days later otherwise. */
const payment: ProcessModel = {
  category: "process_payment",
  initial: "awaiting",
  start: "OrderConfirmed",
  continues: ["PaymentReceived"],
  ends: ["OrderShipped", "OrderCancelled"],
  react: (state, { data, name }) => {
    if (name === "OrderConfirmed") {
      return {
        command: { to: "payment", command: { _tag: "RequestPayment" } },
        set: { timer: "paymentDue", afterMillis: 14 * DAY }
      }
    }
    if (name === "PaymentReceived" && state === "awaiting") {
      return { state: "released", own: [["OrderReleased", {}]], cancel: "paymentDue" }
    }
    if (name === "paymentDue" && state === "awaiting") {
      const reason = "not paid in time"
      return {
        state: "overdue",
        own: [["PaymentOverdue", {}]],
        command: { to: "order", command: { _tag: "CancelOrder", reason } }
      }
    }
    if (name === "OrderCancelled") {
      const { reason } = data
      return { command: { to: "payment", command: { _tag: "CancelPayment", reason } } }
    }
    return {}
  }
}

/** A draft that is left alone for 3 days is a reason for one reminder. */
const reminder: ProcessModel = {
  category: "process_draft_reminder",
  initial: "NotOpened",
  start: "OrderCreated",
  continues: ["ItemAdded", "ItemRemoved", "ShippingAddressUpdated"],
  ends: ["OrderConfirmed", "OrderShipped", "OrderCancelled"],
  done: "Reminded",
  react: (_, { name }, { customerId }) => {
    if (name === "leftAlone") return { state: "Reminded", own: [["ReminderDue", { customerId }]] }
    if (reminder.ends.includes(name)) return {}
    const set = { timer: "leftAlone", afterMillis: 3 * DAY }
    return name === "OrderCreated"
      ? { state: "Open", own: [["DraftOpened", { customerId }]], set }
      : { set }
  }
}

/** The lines of the audit that a walk along a process adds to. */
export interface Walk {
  readonly state: string
  readonly status: "notStarted" | "running" | "ended"
  readonly wrongSteps: ReadonlyArray<string>
  readonly wrongTimers: ReadonlyArray<string>
}

/** Returns the events that the process of an id must take, from its start on. */
export const inputsOf = (
  model: ProcessModel,
  ofOrder: ReadonlyArray<Logged>
): ReadonlyArray<Logged> => {
  const own = ofOrder.filter(({ type }) =>
    [model.start, ...model.continues, ...model.ends].includes(type)
  )
  const first = own.findIndex(({ type }) => type === model.start)
  if (first === -1) return []
  const last = own.findIndex(({ type }, place) => place > first && model.ends.includes(type))
  return own.slice(first, last === -1 ? undefined : last + 1)
}

const beginsStep = (event: Logged | undefined): boolean =>
  event !== undefined && ["EventReceived", "TimerFired", "CommandRejected"].includes(event.type)

/** Compares the stream of a process with its model. `inputs`: see {@link inputsOf}. */
export const walk = (
  model: ProcessModel,
  inputs: ReadonlyArray<Logged>,
  stream: ReadonlyArray<Logged>,
  endMillis: number
): Walk => {
  const wrongSteps: Array<string> = []
  const wrongTimers: Array<string> = []
  const pending = new Map<string, { readonly setting: number; readonly due: number }>()
  const issued: Array<string> = []
  let state = model.initial
  let status: Walk["status"] = "notStarted"
  let taken = 0
  let settings = 0
  let place = 0

  /** Takes the next event of the stream, which must be this one. */
  const expect = (type: string, data: Data) => {
    const next = stream[place]
    if (next !== undefined && next.type === type && agrees(next.data, data)) {
      place++
      return next
    }
    const found = next === undefined ? "nothing" : `${next.type} ${JSON.stringify(next.data)}`
    wrongSteps.push(`${model.category} has ${found} and not ${type} ${JSON.stringify(data)}`)
    return undefined
  }
  const follow = (input: Input, isEnd: boolean) => {
    const reaction = model.react(state, input, inputs[0]?.data ?? {})
    for (const [type, data] of reaction.own ?? []) expect(type, data)
    if (reaction.command !== undefined) {
      const { command, to } = reaction.command
      const found = expect("CommandIssued", { to, command })
      if (found !== undefined) issued.push(found.id)
    }
    state = reaction.state ?? state
    if (reaction.set !== undefined) {
      const { afterMillis, timer } = reaction.set
      const set = { setting: ++settings, due: input.atMillis + afterMillis }
      expect("TimerSet", { timer, setting: set.setting, due: new Date(set.due).toISOString() })
      pending.set(timer, set)
    }
    const cancelled = isEnd || state === model.done ? [...pending.keys()] : [reaction.cancel]
    for (const timer of cancelled) {
      const set = timer === undefined ? undefined : pending.get(timer)
      if (timer === undefined || set === undefined) continue
      pending.delete(timer)
      expect("TimerCancelled", { timer, setting: set.setting })
    }
    if (!isEnd && state !== model.done) return
    expect("ProcessEnded", {})
    status = "ended"
  }
  const takeEvent = (step: Logged) => {
    const due = inputs[taken++]
    if (due === undefined || due.id !== step.data["eventId"] || status === "ended") {
      wrongSteps.push(`${step.streamId} took ${String(step.data["eventId"])} and not ${due?.id}`)
      return
    }
    status = "running"
    const { data, occurredMillis: atMillis, type: name } = due
    follow({ name, data, atMillis }, model.ends.includes(name))
  }
  const takeTimer = (step: Logged) => {
    const { setting, timer } = step.data
    const set = typeof timer === "string" ? pending.get(timer) : undefined
    if (typeof timer !== "string" || set === undefined || set.setting !== setting) {
      wrongTimers.push(
        `${step.streamId} fired ${String(timer)}, setting ${String(setting)}, which was not set`
      )
      return
    }
    if (step.recordedMillis < set.due) {
      wrongTimers.push(`${step.streamId} fired ${timer} ${set.due - step.recordedMillis} ms early`)
    }
    pending.delete(timer)
    follow({ name: timer, data: {}, atMillis: step.occurredMillis }, false)
  }
  while (place < stream.length) {
    const step = stream[place]
    if (step === undefined) break
    place++
    if (step.type === "EventReceived") takeEvent(step)
    else if (step.type === "TimerFired") takeTimer(step)
    else if (step.type !== "CommandRejected") {
      wrongSteps.push(`${step.streamId} has ${step.type} in no step`)
      // After a step that is not as modelled, its other events say nothing new.
      while (place < stream.length && !beginsStep(stream[place])) place++
    } else if (!issued.includes(String(step.data["issued"]))) {
      wrongSteps.push(`${step.streamId} has a rejection of a command that it did not issue`)
    }
  }
  if (taken < inputs.length && state !== model.done) {
    const left = inputs.slice(taken).map(({ type }) => type)
    wrongSteps.push(`${model.category} did not take ${left.join(", ")} of ${inputs[0]?.streamId}`)
  }
  for (const [timer, { due }] of pending) {
    if (due <= endMillis) {
      wrongTimers.push(`${stream[0]?.streamId} did not fire ${timer}, which is due`)
    }
  }
  return { state, status, wrongSteps, wrongTimers }
}

/** Returns true if each field of `expected` is in `actual`, with the same JSON. */
const agrees = (actual: Data, expected: Data): boolean =>
  Object.entries(expected).every(([name, value]) => sameJson(actual[name], value))

/** Compares JSON, whatever the order of the fields is. */
export const sameJson = (one: unknown, other: unknown): boolean => text(one) === text(other)

const text = (value: unknown): string =>
  JSON.stringify(value, (_, part: unknown) =>
    typeof part === "object" && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : part
  )

export const models: ReadonlyArray<ProcessModel> = [payment, reminder]
