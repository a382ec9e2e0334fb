/**
 * The parts of an audit: streams and commands, states and answers, commands together, rows.
 */
import { decodeRecorded } from "@daybook/kernel/EventCodec"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as StreamId from "@daybook/kernel/StreamId"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { Accepted, Audited, Loaded, Observations, Reacted } from "../../simulation/Auditor.ts"
import { same } from "../differences.ts"
import { canonical, listDifference, rowTexts, sameList } from "../lists.ts"
import { renderLine } from "../render.ts"

/** Records a comparison; `what` describes a failure, and is called for failures only. */
export type Check = (invariant: number, holds: boolean, what: () => string) => void

/** A command that the log holds, on its stream. */
interface AcceptedOn extends Accepted<unknown> {
  readonly recorded: ReadonlyArray<RecordedEvent>
  readonly category: string
  readonly stream: string
}

/** The recorded events by {@link commandOn}. */
type ByCommand = ReadonlyMap<string, ReadonlyArray<RecordedEvent>>

/** Returns the streams of a log, whose revisions and positions must increase. */
export const checkStreams = (
  log: ReadonlyArray<RecordedEvent>,
  check: Check
): ReadonlyMap<string, ReadonlyArray<RecordedEvent>> => {
  const streams = new Map<string, Array<RecordedEvent>>()
  let position = 0n
  for (const event of log) {
    const stream = streams.get(event.streamId) ?? []
    streams.set(event.streamId, stream)
    stream.push(event)
    check(
      1,
      event.revision === stream.length && event.position > position,
      () => `${told(event)} is event ${stream.length} of its stream, after position ${position}`
    )
    position = event.position
  }
  return streams
}

/** Returns the events of each command, which follow one another. */
export const checkCommands = (log: ReadonlyArray<RecordedEvent>, check: Check): ByCommand => {
  const byCommand = new Map<string, Array<RecordedEvent>>()
  for (const event of log) {
    const { commandId = `none of ${event.id}` } = event.metadata
    const name = commandOn(commandId, event.streamId)
    const events = byCommand.get(name) ?? []
    byCommand.set(name, events)
    const last = events.at(-1)
    check(
      6,
      last === undefined || last.revision + 1 === event.revision,
      () => `${told(event)} is of a command that was recorded before: ${commandId}`
    )
    events.push(event)
  }
  return byCommand
}

/** Returns the commands that the log holds, in its order, each of which a client sent. */
export const checkAccepted = (
  byCommand: ByCommand,
  sent: Observations["sent"],
  categories: ReadonlyArray<string>,
  check: Check
): ReadonlyArray<AcceptedOn> => {
  const byName = new Map(sent.map((one) => [commandOn(one.commandId, streamOf(one)), one]))
  const accepted: Array<AcceptedOn> = []
  for (const [name, recorded] of byCommand) {
    const one = byName.get(name)
    const [first] = recorded
    if (first === undefined || !categories.includes(StreamId.category(first.streamId))) continue
    check(3, one !== undefined, () => `${told(first)} is of a command that no client sent: ${name}`)
    if (one === undefined) continue
    const sentAt = one.occurredAt?.epochMilliseconds
    check(
      3,
      sentAt === undefined ||
        recorded.every(({ occurredAt }) => occurredAt.epochMilliseconds === sentAt),
      () => `${told(first)} occurred at another time than its command`
    )
    const { category, command, id } = one
    accepted.push({ category, stream: streamOf(one), id, command, recorded })
  }
  return accepted
}

/**
 * Runs the model. Commands that should not all be accepted may lead it to an invalid state, or make
 * it throw.
 */
const modelled = ({ model }: Audited, own: ReadonlyArray<Accepted<unknown>>) =>
  Result.try({ try: () => model.instance(own), catch: String })

/** Encodes a state; fails with the reason that it is invalid. */
const stateText = ({ aggregate }: Audited, state: unknown): Result.Result<string, string> =>
  Result.mapBoth(encodingOf(aggregate.state)(state), {
    onSuccess: canonical,
    onFailure: ({ message }) => message
  })

/** Building an encoder takes longer than using it. */
const encodingOf = (state: Schema.Codec<unknown, unknown>): ReturnType<typeof makeEncoding> => {
  const made = encodings.get(state) ?? makeEncoding(state)
  encodings.set(state, made)
  return made
}

const makeEncoding = (state: Schema.Codec<unknown, unknown>) =>
  Schema.encodeUnknownResult(Schema.toCodecJson(state))

const encodings = new WeakMap<object, ReturnType<typeof makeEncoding>>()

/** The states that commands lead to, by stream and revision. */
type States = ReadonlyMap<string, ReadonlyMap<number, string>>

/** Compares the streams of an aggregate with its model, and returns the states to expect. */
export const checkStates = (
  audited: Audited,
  streams: ReadonlyMap<string, ReadonlyArray<RecordedEvent>>,
  accepted: ReadonlyArray<AcceptedOn>,
  check: Check
): States => {
  const { aggregate } = audited
  const eventText = (event: unknown): string =>
    Result.match(aggregate.codec.encode(event), {
      onSuccess: ({ data, type }) => canonical({ type, data }),
      onFailure: ({ message }) => message
    })
  const states = new Map<string, Map<number, string>>()
  for (const [name, stream] of streams) {
    const [{ streamId } = { streamId: undefined }] = stream
    if (streamId === undefined || StreamId.category(streamId) !== aggregate.category) continue
    const own = accepted.filter((one) => one.stream === name)
    const reached = new Map<number, string>()
    states.set(name, reached)
    let revision = 0
    for (let count = 1; count <= own.length; count++) {
      revision += own[count - 1]?.recorded.length ?? 0
      const state = Result.flatMap(modelled(audited, own.slice(0, count)), ({ state }) =>
        stateText(audited, state)
      )
      if (Result.isFailure(state)) {
        const told = `the commands of ${name} up to revision ${revision} lead to an invalid state`
        check(2, false, () => `${told}: ${state.failure}`)
      }
      reached.set(
        revision,
        Result.getOrElse(state, () => NONE)
      )
    }
    const events = Result.getOrUndefined(modelled(audited, own))?.events
    const stored = stream.map(({ data, type }) => canonical({ type, data }))
    const predicted = events?.map((event) => eventText(event))
    const isPredicted = predicted === undefined || sameList(stored, predicted)
    check(
      2,
      isPredicted,
      () => `stream ${name} is\n  ${stored.join("\n  ")}\nand not\n  ${predicted?.join("\n  ")}`
    )
    stream.forEach((recorded, index) => {
      const decoded = decodeRecorded(aggregate.codec, recorded)
      const [event, ...more] = Result.getOrElse(decoded, () => [])
      check(
        9,
        event !== undefined && more.length === 0 && eventText(event) === stored[index],
        () => `${told(recorded)} is not what it is decoded to: ${renderLine(decoded)}`
      )
      if (event === undefined || events === undefined || !isPredicted) return
      check(
        9,
        same(event, events[index]),
        () =>
          `${told(recorded)} came back as ${renderLine(event)} and not ${renderLine(events[index])}`
      )
    })
  }
  return states
}

/** Compares all answers, and all states that were read, with the log and the expected states. */
export const checkAnswers = (
  audited: Audited,
  states: States,
  byCommand: ByCommand,
  observations: Observations,
  check: Check
): void => {
  const { aggregate } = audited
  const stateAt = (name: string, revision: number) =>
    revision === 0
      ? Result.getOrElse(stateText(audited, aggregate.decider.initialState), () => NONE)
      : states.get(name)?.get(revision)
  const checkState = (invariant: number, what: string, loaded: Loaded) => {
    const { revision, state } = loaded
    const name = streamOf(loaded)
    const expected = stateAt(name, revision)
    check(
      2,
      expected !== undefined,
      () => `${what} of ${name} was returned at revision ${revision}, where no command ends`
    )
    if (expected === undefined) return
    const actual = stateText(audited, state)
    if (Result.isFailure(actual)) {
      const told = `${what} of ${name} at revision ${revision} does not fit the schema`
      return check(12, false, () => `${told}: ${actual.failure}`)
    }
    check(12, true, () => "")
    check(
      invariant,
      actual.success === expected,
      () => `${what} of ${name} at revision ${revision} is ${actual.success} and not ${expected}`
    )
  }
  const isOwn = ({ category }: { readonly category: string }) => category === aggregate.category

  for (const { answers, category, command, commandId, doubtful, id } of observations.sent.filter(
    isOwn
  )) {
    const stream = streamOf({ category, id })
    const name = `command ${commandId} on ${stream} (${canonical(command)})`
    const recorded = byCommand.get(commandOn(commandId, stream)) ?? []
    const last = recorded.at(-1)
    let effective = false
    for (const answer of answers) {
      if (answer._tag === "Rejected") continue
      checkState(2, `the answer to ${name}`, { category, id, ...answer })
      if (answer.events === 0) continue
      effective = true
      check(
        3,
        last !== undefined,
        () => `${name} was acknowledged at revision ${answer.revision}, and is lost`
      )
      if (last === undefined) continue
      check(
        6,
        answer.revision === last.revision && answer.events === recorded.length,
        () =>
          `${name} was answered with ${answer.events} events up to revision ${answer.revision}, ` +
          `recorded are ${recorded.length} up to ${last.revision}`
      )
    }
    check(
      3,
      recorded.length === 0 || effective || doubtful,
      () => `${name} was refused, and yet recorded up to revision ${last?.revision}`
    )
  }
  for (const load of observations.loads.filter(isOwn)) checkState(2, "the state", load)
  for (const fold of observations.folds.filter(isOwn)) checkState(8, "the state", fold)
}

/**
 * Checks that commands together are recorded all or none: their events have one run of positions,
 * and a command without events has none by its model either.
 */
export const checkTogether = (
  audited: ReadonlyArray<Audited>,
  byCommand: ByCommand,
  accepted: ReadonlyArray<AcceptedOn>,
  { sent, together }: Observations,
  check: Check
): void => {
  for (const { commandId, streams } of together) {
    const names = streams.map(streamOf)
    const events = names
      .flatMap((name) => byCommand.get(commandOn(commandId, name)) ?? [])
      .toSorted((a, b) => (a.position < b.position ? -1 : 1))
    const [first] = events
    if (first === undefined) continue
    check(
      2,
      events.every(({ position }, index) => position === first.position + BigInt(index)),
      () => `the events of command ${commandId} on ${names.join()} are not one append`
    )
    for (const [index, name] of names.entries()) {
      if (byCommand.has(commandOn(commandId, name))) continue
      const one = sent.find((each) => each.commandId === commandId && streamOf(each) === name)
      const of = audited.find(({ aggregate }) => aggregate.category === streams[index]?.category)
      if (one === undefined || of === undefined) continue
      const before = accepted.filter(
        ({ recorded, stream }) =>
          stream === name && recorded.every(({ position }) => position < first.position)
      )
      const eventsOf = (own: ReadonlyArray<Accepted<unknown>>) =>
        Result.getOrUndefined(modelled(of, own))?.events?.length
      check(
        2,
        eventsOf(before) === eventsOf([...before, { ...one, recorded: [] }]),
        () => `command ${commandId} is recorded on ${first.streamId}, and not on ${name}`
      )
    }
  }
}

/** Checks that a reactor reacted to every event, and to those of one key first in their order. */
export const checkReactions = ({ expected, reacted, reactor }: Reacted, check: Check): void => {
  const first = new Map<string, number>()
  // The mark of an event has no line break.
  const nameOf = ({ event, key }: Reacted["reacted"][number]) => `${event}\n${key}`
  for (const [index, reaction] of reacted.entries()) {
    const name = nameOf(reaction)
    if (!first.has(name)) first.set(name, index)
  }
  const last = new Map<string, number>()
  for (const { event, key } of expected) {
    const at = first.get(nameOf({ event, key }))
    check(5, at !== undefined, () => `reactor ${reactor} never reacted to event ${event} of ${key}`)
    if (at === undefined) continue
    check(
      5,
      at > (last.get(key) ?? -1),
      () => `reactor ${reactor} reacted to event ${event} of ${key} before an earlier one`
    )
    last.set(key, at)
  }
}

/** Compares the rows of all sources with the predicted ones, and with one another. */
export const checkRows = (
  audited: ReadonlyArray<Audited>,
  accepted: ReadonlyArray<AcceptedOn>,
  rows: Observations["rows"],
  check: Check
): void => {
  const predictedRows = new Map<string, ReadonlyArray<unknown>>()
  for (const { aggregate, model } of audited) {
    const own = accepted.filter(({ category }) => category === aggregate.category)
    const predicted = Result.try({ try: () => model.rows?.(own), catch: String })
    if (Result.isFailure(predicted)) {
      check(10, false, () => `the commands lead to an error in place of rows: ${predicted.failure}`)
      continue
    }
    for (const [name, own] of predicted.success ?? []) predictedRows.set(name, own)
  }
  const first = new Map<string, ReadonlyArray<string>>()
  for (const { projection, rows: found, way } of rows) {
    const { name } = projection
    const texts = rowTexts(projection, found)
    if (Result.isFailure(texts)) {
      check(10, false, () => `rows of ${name}, ${way}, do not fit their schema: ${texts.failure}`)
      continue
    }
    const actual = texts.success
    const expected = predictedRows.get(name)
    if (expected !== undefined) {
      const predicted = rowTexts(projection, expected)
      check(10, Result.isSuccess(predicted) && sameList(actual, predicted.success), () =>
        Result.match(predicted, {
          onSuccess: (text) => `rows of ${name}, ${way}: ${listDifference(actual, text)}`,
          onFailure: (issue) => `the commands lead to invalid rows of ${name}: ${issue}`
        })
      )
    }
    const before = first.get(name)
    if (before === undefined) first.set(name, actual)
    else {
      check(
        11,
        sameList(actual, before),
        () => `rows of ${name}, ${way}: ${listDifference(actual, before)}`
      )
    }
  }
}

/** Names a command on a stream, because one command id may serve several streams. */
const commandOn = (commandId: string, stream: string) => `${commandId} ${stream}`

const streamOf = ({ category, id }: { readonly category: string; readonly id: string }) =>
  `${category}-${id}`

/** Stands for an invalid state; it is no text of JSON. */
const NONE = "none"

const told = ({ position, revision, streamId, type }: RecordedEvent) =>
  `${type} at revision ${revision} of ${streamId}, position ${position},`
