/**
 * Checks that a log, the folds of it and all answers agree with the commands that were sent.
 *
 * It shares no code with its subject: a {@link Model} recomputes the instances and the rows of read
 * models from the accepted commands, in the order of the log. The invariants that it checks, by
 * their numbers in `docs/ARCHITECTURE.md`:
 *
 * - 1: revisions of a stream are 1..n, positions increase.
 * - 2: an append is seen whole or not at all, and its state is that of the commands before it.
 * - 3: acknowledged events are in the log, refused ones are not.
 * - 4: a reader at a position never finds another event at or below it.
 * - 5: a subscriber sees every event once, in order.
 * - 6: a command counts once, and repeating it gives the first answer.
 * - 8: a state is the same with any snapshot, cached or not.
 * - 9: a decoded event encodes to its stored form, and equals the decided one if modelled.
 * - 10: stored rows are those of the accepted commands.
 * - 11: rows are the same inline, async, on demand and rebuilt.
 * - 12: a state fits its schema; drift from the sum of the commands is part of 2 and 8.
 * - 14: a dead host delays the others for a bounded time only.
 *
 * @since 0.1.0
 */
import type * as Aggregate from "@daybook/kernel/Aggregate"
import { decodeRecorded } from "@daybook/kernel/EventCodec"
import type * as Projection from "@daybook/kernel/Projection"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as StreamId from "@daybook/kernel/StreamId"
import type * as DateTime from "effect/DateTime"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { same } from "../internal/differences.ts"
import { canonical, listDifference, rowTexts, sameList } from "../internal/lists.ts"
import { renderLine } from "../internal/render.ts"

/**
 * A command that the log holds, with the identities of its events; for models.
 *
 * @category types
 * @since 0.1.0
 */
export interface Accepted<out Command> {
  readonly id: string
  readonly command: Command
  readonly recorded: ReadonlyArray<Pick<RecordedEvent, "id" | "occurredAt" | "metadata">>
}

/**
 * Recomputes the results of commands in another way than the domain does.
 *
 * @category types
 * @since 0.1.0
 */
export interface Model<Command, State, Event> {
  /** Computes the state, and optionally the events, of an instance from its accepted commands. */
  readonly instance: (accepted: ReadonlyArray<Accepted<Command>>) => {
    readonly state: State
    readonly events?: ReadonlyArray<Event>
  }
  /** Computes the rows of each projection, by its name, in any order. */
  readonly rows?: (
    accepted: ReadonlyArray<Accepted<Command>>
  ) => ReadonlyMap<string, ReadonlyArray<unknown>>
}

/**
 * The answer to a command: accepted, with the number of its events, or rejected.
 *
 * @category types
 * @since 0.1.0
 */
export type Answer<State> =
  | {
      readonly _tag: "Accepted"
      readonly revision: number
      readonly events: number
      readonly state: State
    }
  | { readonly _tag: "Rejected" }

/**
 * A command that was sent, once or several times with the same id, and all answers to it.
 *
 * @category types
 * @since 0.1.0
 */
export interface Sent<out Command, out State> {
  readonly id: string
  readonly command: Command
  readonly commandId: string
  readonly occurredAt: DateTime.Utc
  readonly answers: ReadonlyArray<Answer<State>>
  /** True once it was sent without getting an answer, so that it may have happened. */
  readonly doubtful: boolean
}

/**
 * The observations of a run, complete at its end.
 *
 * @category types
 * @since 0.1.0
 */
export interface Observations<out Command, out State> {
  readonly sent: ReadonlyArray<Sent<Command, State>>
  /** All events of the category. */
  readonly log: ReadonlyArray<RecordedEvent>
  /** States that were read during the run. */
  readonly loads: ReadonlyArray<Loaded<State>>
  /** States that were read at the end. */
  readonly folds: ReadonlyArray<Loaded<State>>
  /** The ids that reading the log up to a position gave. */
  readonly prefixes: ReadonlyArray<{
    readonly upTo: bigint
    readonly ids: ReadonlyArray<string>
  }>
  /** The ids that each subscriber received. */
  readonly subscribers: ReadonlyMap<string, ReadonlyArray<RecordedEvent["id"]>>
  /** The rows of a projection from each source (`way`); the async rows come first. */
  readonly rows: ReadonlyArray<{
    readonly projection: Projection.Any
    readonly way: string
    readonly rows: ReadonlyArray<unknown>
  }>
  /** Descriptions of work that was not done in time. */
  readonly overdue: ReadonlyArray<string>
}

interface Loaded<out State> {
  readonly id: string
  readonly revision: number
  readonly state: State
}

/**
 * A broken invariant: its number, and the facts.
 *
 * @category types
 * @since 0.1.0
 */
export interface Violation {
  readonly invariant: number
  readonly message: string
}

/**
 * The findings of an audit, and the number of comparisons by invariant.
 *
 * @category types
 * @since 0.1.0
 */
export interface Audit {
  readonly violations: ReadonlyArray<Violation>
  readonly checks: ReadonlyMap<number, number>
}

/**
 * Compares the observations with the model.
 *
 * @category operations
 * @since 0.1.0
 */
export const audit = <Command, State, Event, Rejection>(
  aggregate: Aggregate.Aggregate<Command, State, Event, Rejection>,
  model: Model<Command, State, Event>,
  observations: Observations<Command, State>
): Audit => {
  const violations: Array<Violation> = []
  const checks = new Map<number, number>()
  /** Records a comparison; `what` describes a failure, and is called for failures only. */
  const check = (invariant: number, holds: boolean, what: () => string) => {
    checks.set(invariant, (checks.get(invariant) ?? 0) + 1)
    if (!holds) violations.push({ invariant, message: what() })
  }
  const encodeState = Schema.encodeUnknownResult(Schema.toCodecJson(aggregate.state))
  /** Encodes a state; fails with the reason that it is invalid. */
  const stateText = (state: State): Result.Result<string, string> =>
    Result.mapBoth(encodeState(state), {
      onSuccess: canonical,
      onFailure: ({ message }) => message
    })
  const eventText = (event: Event): string =>
    Result.match(aggregate.codec.encode(event), {
      onSuccess: ({ data, type }) => canonical({ type, data }),
      onFailure: ({ message }) => message
    })
  /**
   * Runs the model. Commands that should not all be accepted may lead it to an invalid state, or
   * make it throw.
   */
  const modelled = (own: ReadonlyArray<Accepted<Command>>) =>
    Result.try({ try: () => model.instance(own), catch: String })

  const { log } = observations
  const streams = new Map<string, Array<RecordedEvent>>()
  let position = 0n
  for (const event of log) {
    const id = StreamId.id(event.streamId)
    const stream = streams.get(id) ?? []
    streams.set(id, stream)
    stream.push(event)
    check(
      1,
      event.revision === stream.length && event.position > position,
      () => `${told(event)} is event ${stream.length} of its stream, after position ${position}`
    )
    position = event.position
  }

  const byCommand = new Map<string, Array<RecordedEvent>>()
  for (const event of log) {
    const { commandId = `none of ${event.id}` } = event.metadata
    const name = commandOn(commandId, StreamId.id(event.streamId))
    const events = byCommand.get(name) ?? []
    byCommand.set(name, events)
    const last = events.at(-1)
    check(
      6,
      last === undefined ||
        (last.streamId === event.streamId && last.revision + 1 === event.revision),
      () => `${told(event)} is of a command that was recorded before: ${commandId}`
    )
    events.push(event)
  }

  const sent = new Map(observations.sent.map((one) => [commandOn(one.commandId, one.id), one]))
  const accepted: Array<Accepted<Command>> = []
  for (const [name, recorded] of byCommand) {
    const one = sent.get(name)
    const [first] = recorded
    if (first === undefined) continue
    check(3, one !== undefined, () => `${told(first)} is of a command that no client sent: ${name}`)
    if (one === undefined) continue
    check(
      3,
      recorded.every(
        ({ occurredAt }) => occurredAt.epochMilliseconds === one.occurredAt.epochMilliseconds
      ),
      () => `${told(first)} occurred at another time than its command`
    )
    accepted.push({ id: one.id, command: one.command, recorded })
  }

  /** The state that the commands up to a revision lead to, by instance and revision. */
  const states = new Map<string, Map<number, string>>()
  for (const [id, stream] of streams) {
    const own = accepted.filter((one) => one.id === id)
    const reached = new Map<number, string>()
    states.set(id, reached)
    let revision = 0
    for (let count = 1; count <= own.length; count++) {
      revision += own[count - 1]?.recorded.length ?? 0
      const state = Result.flatMap(modelled(own.slice(0, count)), ({ state }) => stateText(state))
      if (Result.isFailure(state)) {
        const told = `the commands of ${id} up to revision ${revision} lead to an invalid state`
        check(2, false, () => `${told}: ${state.failure}`)
      }
      reached.set(
        revision,
        Result.getOrElse(state, () => NONE)
      )
    }
    const events = Result.getOrUndefined(modelled(own))?.events
    const stored = stream.map(({ data, type }) => canonical({ type, data }))
    const predicted = events?.map((event) => eventText(event))
    const isPredicted = predicted === undefined || sameList(stored, predicted)
    check(
      2,
      isPredicted,
      () => `stream ${id} is\n  ${stored.join("\n  ")}\nand not\n  ${predicted?.join("\n  ")}`
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
  const stateAt = (id: string, revision: number) =>
    revision === 0
      ? Result.getOrElse(stateText(aggregate.decider.initialState), () => NONE)
      : states.get(id)?.get(revision)
  const checkState = (invariant: number, what: string, { id, revision, state }: Loaded<State>) => {
    const expected = stateAt(id, revision)
    check(
      2,
      expected !== undefined,
      () => `${what} of ${id} was returned at revision ${revision}, where no command ends`
    )
    if (expected === undefined) return
    const actual = stateText(state)
    if (Result.isFailure(actual)) {
      const told = `${what} of ${id} at revision ${revision} does not fit the schema`
      return check(12, false, () => `${told}: ${actual.failure}`)
    }
    check(12, true, () => "")
    check(
      invariant,
      actual.success === expected,
      () => `${what} of ${id} at revision ${revision} is ${actual.success} and not ${expected}`
    )
  }

  for (const { answers, command, commandId, doubtful, id } of observations.sent) {
    const name = `command ${commandId} on ${id} (${canonical(command)})`
    const recorded = byCommand.get(commandOn(commandId, id)) ?? []
    const last = recorded.at(-1)
    let effective = false
    for (const answer of answers) {
      if (answer._tag === "Rejected") continue
      checkState(2, `the answer to ${name}`, { id, ...answer })
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

  for (const load of observations.loads) checkState(2, "the state", load)
  for (const fold of observations.folds) checkState(8, "the state", fold)

  for (const { ids, upTo } of observations.prefixes) {
    const now = log.filter((event) => event.position <= upTo).map((event) => event.id)
    check(4, sameList(ids, now), () => `up to position ${upTo} ${listDifference(ids, now)}`)
  }
  const all = log.map(({ id }) => id)
  for (const [name, ids] of observations.subscribers) {
    check(5, sameList(ids, all), () => `subscriber ${name} ${listDifference(ids, all)}`)
  }

  const predictedRows = Result.try({ try: () => model.rows?.(accepted), catch: String })
  if (Result.isFailure(predictedRows)) {
    check(
      10,
      false,
      () => `the commands lead to an error in place of rows: ${predictedRows.failure}`
    )
  }
  const first = new Map<string, ReadonlyArray<string>>()
  for (const { projection, rows, way } of observations.rows) {
    const { name } = projection
    const texts = rowTexts(projection, rows)
    if (Result.isFailure(texts)) {
      check(10, false, () => `rows of ${name}, ${way}, do not fit their schema: ${texts.failure}`)
      continue
    }
    const actual = texts.success
    const expected = Result.getOrUndefined(predictedRows)?.get(name)
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

  check(14, observations.overdue.length === 0, () => observations.overdue.join("; "))
  return { violations, checks }
}

/** Names a command on a stream, because one command id may serve several streams. */
const commandOn = (commandId: string, id: string) => `${commandId} ${id}`

/** Stands for an invalid state; it is no text of JSON. */
const NONE = "none"

const told = ({ position, revision, streamId, type }: RecordedEvent) =>
  `${type} at revision ${revision} of ${streamId}, position ${position},`
