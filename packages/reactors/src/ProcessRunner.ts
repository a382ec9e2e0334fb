/**
 * Runs process managers on a log: delivers their inputs, sends their commands, fires their timers.
 *
 * Laws, of every store:
 *
 * 1. A process takes each input once, in the order of the log, on any number of hosts.
 * 2. A command is sent after the step that issued it is recorded, again until it is answered, and
 *    counts once.
 * 3. A timer fires once, and not before it is due.
 *
 * @since 0.1.0
 */
import type { EventDecodeError } from "@daybook/kernel/EventCodec"
import { EventId } from "@daybook/kernel/EventId"
import { printableLine } from "@daybook/kernel/Printable"
import type { ProcessManager, Targets } from "@daybook/kernel/ProcessManager"
import type { ProcessStepRefused } from "@daybook/kernel/ProcessStep"
import { StreamId } from "@daybook/kernel/StreamId"
import { type CommandError, CommandHandler } from "@daybook/store/CommandHandler"
import type { EventStoreError } from "@daybook/store/EventStore"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { ConsumerGroup, ConsumerGroupsError, GroupOffHistory } from "./ConsumerGroup.ts"
import { ConsumerGroups } from "./ConsumerGroups.ts"
import { runInputs } from "./internal/process/inputs.ts"
import { COMMAND_TYPES, runRelay } from "./internal/process/relay.ts"
import * as Step from "./internal/process/step.ts"
import { runTimers, TIMER_TYPES } from "./internal/process/timers.ts"
import { ProcessTimers, type ProcessTimersError } from "./ProcessTimers.ts"

/**
 * A command that a process has issued can't be sent: its target is gone, or reads it no longer. The
 * commands of the process manager wait.
 *
 * @category errors
 * @since 0.1.0
 */
export class ProcessCommandUnreadable extends Schema.TaggedError<ProcessCommandUnreadable>()(
  "ProcessCommandUnreadable",
  {
    /** The name of the process manager. */
    process: Schema.String,
    /** The stream of the process. */
    streamId: StreamId,
    /** The event that issued the command. */
    eventId: EventId,
    /** The category of the target. */
    to: Schema.String,
    issue: Schema.String
  }
) {
  override get message() {
    return printableLine(
      `Cannot send the command to ${this.to} of ${this.streamId} (event ${this.eventId}): ${this.issue}`
    )
  }
}

/**
 * The errors that end a run.
 *
 * @category errors
 * @since 0.1.0
 */
export type ProcessRunError =
  | ProcessStepRefused
  | ProcessCommandUnreadable
  | EventDecodeError
  | CommandError
  | GroupOffHistory
  | ConsumerGroupsError
  | ProcessTimersError
  | EventStoreError

/**
 * Runs the processes of a manager for as long as the effect runs, with all other hosts that run it.
 *
 * **Details**
 * It follows the log in three groups, whose progress is theirs: `process-NAME` for the events that
 * the processes follow, `process-NAME-commands` for the commands that they have issued, and
 * `process-NAME-timers` for their timers.
 *
 * @category operations
 * @since 0.1.0
 */
export const run = <Event, State, Own, Of extends Targets, Timer extends string>(
  process: ProcessManager<Event, State, Own, Of, Timer>,
  options: {
    /** The place after which the processes follow the log, when they run for the first time. */
    readonly from: NonNullable<ConsumerGroup["from"]>
  }
): Effect.Effect<never, ProcessRunError, ConsumerGroups | CommandHandler | ProcessTimers> =>
  Effect.gen(function* () {
    const [groups, handler, timers] = [
      yield* ConsumerGroups,
      yield* CommandHandler,
      yield* ProcessTimers
    ]
    const { aggregate, from, name } = process
    const take = Step.take(handler, process)
    const deliveriesOf = Step.deliveriesOf(process)
    const own = { from: "beginning", categories: [aggregate.category] } as const
    const inputs = groups.run(
      {
        name: `process-${name}`,
        from: options.from,
        categories: from.map(({ category }) => category),
        key: (event) =>
          Result.match(deliveriesOf(event), {
            onSuccess: ({ key }) => key,
            // The consumer fails with the error.
            onFailure: () => event.streamId
          })
      },
      runInputs(deliveriesOf, take)
    )
    const commands = groups.run(
      { ...own, name: `process-${name}-commands`, types: COMMAND_TYPES },
      runRelay(handler, process, take)
    )
    const clock = groups.run(
      { ...own, name: `process-${name}-timers`, types: TIMER_TYPES },
      runTimers(name, timers, take)
    )
    return yield* Effect.raceAllFirst([inputs, commands, clock])
  })
