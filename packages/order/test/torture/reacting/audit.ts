/**
 * Compares what reactors, processes and publishers did with the log and with the commands of the
 * clients. It shares no code with them.
 */
import { categoryOf, idOf, type Logged, type Message, type Observations } from "./observed.ts"
import { inputsOf, models, sameJson, walk } from "./processModels.ts"

/** The findings by the line of the report that counts them. */
export type Findings = ReadonlyMap<string, ReadonlyArray<string>>

const LINES = [
  "acknowledged events lost",
  "commands of clients counted twice or recorded though refused",
  "events of unknown commands",
  "events not reacted to",
  "reactions out of the order of their key",
  "transactional reactions not exactly once",
  "process states that differ from the model",
  "timers fired twice, early or not at all",
  "commands of processes lost or counted twice"
] as const

type Line = (typeof LINES)[number]

/** Records a finding. */
type Find = (line: Line | `messages ${string}`, finding: string) => void

export const audit = (observations: Observations): Findings => {
  const found = new Map<string, Array<string>>(LINES.map((line) => [line, []]))
  const find: Find = (line, finding) => {
    const findings = found.get(line) ?? []
    found.set(line, findings)
    findings.push(finding)
  }
  const { log } = observations
  const shop = log.filter((event) => ["order", "payment"].includes(categoryOf(event)))
  const byCommand = Map.groupBy(log, ({ commandId }) => commandId)
  auditClients(observations, byCommand, find)
  auditCommands(observations, byCommand, find)
  auditReactions(observations, shop, find)
  auditProcesses(observations, shop, find)
  for (const [publisher, messages] of observations.topics) {
    for (const kind of ["missing at", "out of order at", "unknown to the model at"]) {
      found.set(`messages ${kind} ${publisher}`, [])
    }
    auditMessages(publisher, messages, shop, find)
  }
  return found
}

type ByCommand = ReadonlyMap<string | undefined, ReadonlyArray<Logged>>

/** Compares the answers that clients got with the log. */
const auditClients = ({ sent }: Observations, byCommand: ByCommand, find: Find): void => {
  for (const { answers, commandId, isDoubtful, streamId } of sent) {
    const recorded = byCommand.get(commandId) ?? []
    const own = recorded.filter((event) => event.streamId === streamId)
    const name = `command ${commandId} on ${streamId}`
    const isOneAppend = own.every(
      ({ revision }, index) => revision === (own[0]?.revision ?? 0) + index
    )
    if (own.length !== recorded.length || !isOneAppend) {
      find("commands of clients counted twice or recorded though refused", name)
    }
    let isRecorded = isDoubtful
    for (const answer of answers.toReversed()) {
      const count = answer._tag === "Rejected" ? 0 : answer.events
      // A command that was refused may be accepted when it comes again.
      if (count === 0 && isRecorded) continue
      isRecorded = true
      const told = `${name}: ${count} events answered, ${own.length} recorded`
      if (own.length > count) {
        find("commands of clients counted twice or recorded though refused", told)
      } else if (own.length < count) find("acknowledged events lost", told)
      else if (answer._tag === "Accepted" && count > 0 && own.at(-1)?.revision !== answer.revision)
        find("acknowledged events lost", `${name}: answered at revision ${answer.revision}`)
    }
  }
}

/** The event that each command of a process leads to, unless it is rejected. */
const EFFECTS: Readonly<Record<string, ReadonlyArray<string>>> = {
  RequestPayment: ["PaymentRequested"],
  CancelPayment: ["PaymentCancelled", "RefundRequested"],
  CancelOrder: ["OrderCancelled"]
}

/** Finds the one effect, or the one rejection, of each command that a process issued. */
const auditCommands = ({ log, sent }: Observations, byCommand: ByCommand, find: Find): void => {
  const issued = log.filter(({ type }) => type === "CommandIssued")
  const rejections = Map.groupBy(
    log.filter(({ type }) => type === "CommandRejected"),
    ({ data }) => data["issued"]
  )
  for (const command of issued) {
    const { command: body, id, to } = command.data
    const tag = String(isRecord(body) ? body["_tag"] : undefined)
    const effects = byCommand.get(command.id) ?? []
    const refused = rejections.get(command.id) ?? []
    const name = `${tag} of ${command.streamId}, ${command.id}`
    if (effects.length + refused.length !== 1) {
      const told = `${effects.length} events and ${refused.length} rejections`
      find("commands of processes lost or counted twice", `${name}: ${told}`)
    }
    const isFit = ({ streamId, type }: Logged) =>
      streamId === `${String(to)}-${String(id)}` && (EFFECTS[tag] ?? []).includes(type)
    if (!effects.every(isFit) || !refused.every(({ streamId }) => streamId === command.streamId)) {
      find("commands of processes lost or counted twice", `${name}: another effect`)
    }
  }
  const known = new Set([...sent, ...issued.map(({ id }) => ({ commandId: id }))].map(commandOf))
  for (const event of log) {
    if (!["order", "payment"].includes(categoryOf(event))) continue
    if (event.commandId === undefined || !known.has(event.commandId)) {
      find("events of unknown commands", `${event.type} of ${event.streamId}: ${event.commandId}`)
    }
  }
}

const commandOf = ({ commandId }: { readonly commandId: string }) => commandId

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null

const auditReactions = (
  { effects, reactions }: Observations,
  shop: ReadonlyArray<Logged>,
  find: Find
): void => {
  const byId = new Map(shop.map((event) => [event.id, event]))
  const reacted = new Set(reactions)
  for (const { id, streamId, type } of shop) {
    if (!reacted.has(id)) find("events not reacted to", `${type} of ${streamId}, ${id}`)
  }
  for (const id of reacted) {
    if (!byId.has(id)) find("events not reacted to", `${id} is reacted to and not in the log`)
  }
  const counts = Map.groupBy(effects, (id) => id)
  for (const id of new Set([...byId.keys(), ...effects])) {
    const count = counts.get(id)?.length ?? 0
    if (count !== (byId.has(id) ? 1 : 0)) {
      find("transactional reactions not exactly once", `${id}: ${count} times`)
    }
  }
  // Reactions of a key may come again; what counts is the first of each.
  for (const ids of [[...reacted], [...new Set(effects)]]) {
    const events = ids.flatMap((id) => byId.get(id) ?? [])
    for (const [streamId, own] of Map.groupBy(events, (event) => event.streamId)) {
      const later = own.find(({ position }, index) => position < (own[index - 1]?.position ?? 0n))
      if (later !== undefined) {
        find("reactions out of the order of their key", `${later.type} of ${streamId}`)
      }
    }
  }
}

const auditProcesses = (
  { endMillis, log, processes }: Observations,
  shop: ReadonlyArray<Logged>,
  find: Find
): void => {
  const streams = Map.groupBy(log, ({ streamId }) => streamId)
  const folded = new Map(processes.map((one) => [one.streamId, one]))
  const orders = Map.groupBy(shop, idOf)
  for (const model of models) {
    const ids = new Set(orders.keys())
    for (const event of log) if (categoryOf(event) === model.category) ids.add(idOf(event))
    for (const id of ids) {
      const streamId = `${model.category}-${id}`
      const inputs = inputsOf(model, orders.get(id) ?? [])
      const stream = streams.get(streamId) ?? []
      const { state, status, wrongSteps, wrongTimers } = walk(model, inputs, stream, endMillis)
      for (const wrong of wrongSteps) find("process states that differ from the model", wrong)
      for (const wrong of wrongTimers) find("timers fired twice, early or not at all", wrong)
      const fold = folded.get(streamId)
      const isSame =
        fold === undefined
          ? status === "notStarted"
          : fold.state === state && fold.status === status
      if (!isSame) {
        const told = `${streamId} is ${fold?.status} ${fold?.state} and not ${status} ${state}`
        find("process states that differ from the model", told)
      }
    }
  }
}

/** Compares the messages of a broker with those that the events stand for. */
const auditMessages = (
  publisher: string,
  messages: ReadonlyArray<Message>,
  shop: ReadonlyArray<Logged>,
  find: Find
): void => {
  const expected = new Map(
    shop.flatMap((event) =>
      // An event at an even revision stands for two messages.
      Array.from({ length: event.revision % 2 === 0 ? 2 : 1 }, (_, copy): [string, Message] => {
        const id = `${publisher}/${event.id}/${copy}`
        const { revision, streamId: key, type } = event
        return [id, { id, key, data: { type, revision, copy } }]
      })
    )
  )
  const places = new Map([...expected.keys()].map((id, place) => [id, place]))
  const first = new Map<string, Message>()
  for (const message of messages) {
    if (!first.has(message.id)) first.set(message.id, message)
    const model = expected.get(message.id)
    if (model === undefined || !sameJson(model, message)) {
      find(`messages unknown to the model at ${publisher}`, JSON.stringify(message))
    }
  }
  for (const { id, key } of expected.values()) {
    if (!first.has(id)) find(`messages missing at ${publisher}`, `${id} of ${key}`)
  }
  for (const [key, own] of Map.groupBy(first.values(), (message) => message.key)) {
    const later = own.find(
      ({ id }, index) => (places.get(id) ?? 0) < (places.get(own[index - 1]?.id ?? "") ?? 0)
    )
    if (later !== undefined) find(`messages out of order at ${publisher}`, `${later.id} of ${key}`)
  }
}
