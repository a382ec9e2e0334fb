/**
 * Checks that a log, the folds of it and all answers agree with the commands that were sent.
 *
 * It shares no code with its subject: a {@link Model} recomputes the instances and the rows of read
 * models from the accepted commands, in the order of the log. The invariants that it checks, by
 * their numbers in `docs/ARCHITECTURE.md`:
 *
 * - 1: revisions of a stream are 1..n, positions increase.
 * - 2: an append is seen whole or not at all, also one of several streams, and its state is that of
 *   the commands before it.
 * - 3: acknowledged events are in the log, refused ones are not.
 * - 4: a reader at a position never finds another event at or below it.
 * - 5: a subscriber sees every event once, in order; a reactor reacts to every event, to those of
 *   one key in order; a process takes each of its events once, in order.
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
import type * as Projection from "@daybook/kernel/Projection"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import type { EventMark } from "@daybook/kernel/EventMark"
import { decodeRecorded } from "@daybook/kernel/EventCodec"
import type { Correlation, ProcessManager, Targets } from "@daybook/kernel/ProcessManager"
import * as StreamId from "@daybook/kernel/StreamId"
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import type * as DateTime from "effect/DateTime"
import { listDifference, sameList } from "../internal/lists.ts"
import {
  type Check,
  checkAccepted,
  checkAnswers,
  checkCommands,
  checkReactions,
  checkRows,
  checkStates,
  checkStreams,
  checkTogether
} from "../internal/simulation/auditing.ts"
import { checkProcesses, issuedBy } from "../internal/simulation/auditingProcesses.ts"

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
 * An aggregate and the model of its instances; built by {@link of}.
 *
 * @category types
 * @since 0.1.0
 */
export interface Audited {
  readonly aggregate: Aggregate.Aggregate<unknown, unknown, unknown, unknown>
  readonly model: Model<unknown, unknown, unknown>
}

/**
 * Pairs an aggregate with its model.
 *
 * @category constructors
 * @since 0.1.0
 */
export const of = <Command, State, Event, Rejection>(
  aggregate: Aggregate.Aggregate<Command, State, Event, Rejection>,
  model: Model<Command, NoInfer<State>, NoInfer<Event>>
): Audited =>
  // An audit gives each only what belongs to its category.
  ({ aggregate, model }) as unknown as Audited

/**
 * The processes of a manager; built by {@link ofProcesses}.
 *
 * @category types
 * @since 0.1.0
 */
export interface AuditedProcesses {
  readonly name: string
  readonly aggregate: Audited["aggregate"]
  /** Returns the parts of a recorded event in the lives of processes. */
  readonly correlate: (recorded: RecordedEvent) => ReadonlyArray<Correlation>
  /** Decodes a stored command to a category. */
  readonly commandTo: (category: string, stored: Schema.Json) => unknown
}

/**
 * Describes the processes of a manager.
 *
 * @category constructors
 * @since 0.1.0
 */
export const ofProcesses = <Event, State, Own, Of extends Targets, Timer extends string>({
  aggregate,
  correlate,
  from,
  name,
  targets
}: ProcessManager<Event, State, Own, Of, Timer>): AuditedProcesses => ({
  name,
  // Only what reads its own streams gets it.
  aggregate: aggregate as unknown as Audited["aggregate"],
  correlate: (recorded) => {
    const source = from.find(({ category }) => category === StreamId.category(recorded.streamId))
    return source === undefined
      ? []
      : Result.getOrElse(decodeRecorded(source.codec, recorded), () => []).map((event) =>
          correlate(event, recorded)
        )
  },
  commandTo: (category, stored) =>
    Object.hasOwn(targets, category)
      ? Result.getOrUndefined(
          targets[category]?.decode(stored, (_, command): unknown => command) ?? Result.fail("")
        )
      : undefined
})

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
  readonly category: string
  readonly id: string
  readonly command: Command
  readonly commandId: string
  /** Undefined for a command that a process issued. */
  readonly occurredAt: DateTime.Utc | undefined
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
export interface Observations {
  readonly sent: ReadonlyArray<Sent<unknown, unknown>>
  /** The commands among them that were sent together, on one instance each, by their command id. */
  readonly together: ReadonlyArray<{
    readonly commandId: string
    readonly streams: ReadonlyArray<{ readonly category: string; readonly id: string }>
  }>
  /** All events of the categories. */
  readonly log: ReadonlyArray<RecordedEvent>
  /** States that were read during the run. */
  readonly loads: ReadonlyArray<Loaded>
  /** States that were read at the end. */
  readonly folds: ReadonlyArray<Loaded>
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
  readonly processes: ReadonlyArray<AuditedProcesses>
  /** The events that restores of the log have lost. */
  readonly lost: ReadonlyArray<RecordedEvent>
  /** The time at which all work was done; undefined if a restore of the log came before. */
  readonly endMillis: number | undefined
  /** The reactors, and what each of them did. */
  readonly reactors: ReadonlyArray<Reacted>
  /** Descriptions of work that was not done in time. */
  readonly overdue: ReadonlyArray<string>
}

/**
 * The events that a reactor must react to, in the order of the log, and those that it reacted to.
 *
 * @category types
 * @since 0.1.0
 */
export interface Reacted {
  readonly reactor: string
  readonly expected: ReadonlyArray<{ readonly event: EventMark; readonly key: string }>
  /** The order of the reactions; an event may come several times, and with each of its keys. */
  readonly reacted: ReadonlyArray<{ readonly event: EventMark; readonly key: string }>
}

/**
 * The state of an instance at a revision.
 *
 * @category types
 * @since 0.1.0
 */
export interface Loaded {
  readonly category: string
  readonly id: string
  readonly revision: number
  readonly state: unknown
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
 * Compares the observations with the models.
 *
 * @category operations
 * @since 0.1.0
 */
export const audit = (audited: ReadonlyArray<Audited>, observations: Observations): Audit => {
  const violations: Array<Violation> = []
  const checks = new Map<number, number>()
  const check: Check = (invariant, holds, what) => {
    checks.set(invariant, (checks.get(invariant) ?? 0) + 1)
    if (!holds) violations.push({ invariant, message: what() })
  }
  const { log } = observations
  const streams = checkStreams(log, check)
  const byCommand = checkCommands(log, check)
  const issued = issuedBy(observations)
  const categories = audited.map(({ aggregate }): string => aggregate.category)
  const accepted = checkAccepted(byCommand, [...observations.sent, ...issued], categories, check)
  for (const one of audited) {
    const states = checkStates(one, streams, accepted, check)
    checkAnswers(one, states, byCommand, observations, check)
  }
  checkTogether(audited, byCommand, accepted, observations, check)

  for (const { ids, upTo } of observations.prefixes) {
    const now = log.filter((event) => event.position <= upTo).map((event) => event.id)
    check(4, sameList(ids, now), () => `up to position ${upTo} ${listDifference(ids, now)}`)
  }
  const all = log.map(({ id }) => id)
  for (const [name, ids] of observations.subscribers) {
    check(5, sameList(ids, all), () => `subscriber ${name} ${listDifference(ids, all)}`)
  }
  for (const reactor of observations.reactors) checkReactions(reactor, check)
  for (const processes of observations.processes) {
    checkProcesses(processes, streams, observations, check)
  }
  checkRows(audited, accepted, observations.rows, check)
  check(14, observations.overdue.length === 0, () => observations.overdue.join("; "))
  return { violations, checks }
}
