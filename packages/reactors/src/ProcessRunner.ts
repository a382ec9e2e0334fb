/**
 * Runs process managers on a log: delivers their inputs, sends their commands, fires their timers.
 *
 * Laws on every store, checked by `ProcessRunnerLaws` of `@daybook/testing`:
 *
 * 1. A process takes each input once, in the order of the log, on any number of hosts.
 * 2. A command is sent after the step that issued it is recorded, again until it is answered, and
 *    counts once.
 * 3. A timer fires once, and not before it is due.
 *
 * @since 0.1.0
 */
import type { ProcessManager, Targets } from "@daybook/kernel/ProcessManager"
import { CommandHandler } from "@daybook/store/CommandHandler"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { ConsumerGroup } from "./ConsumerGroup.ts"
import { ConsumerGroups } from "./ConsumerGroups.ts"
import { forever } from "./internal/group/forever.ts"
import { deliver } from "./internal/process/inputs.ts"
import { COMMAND_TYPES, send } from "./internal/process/relay.ts"
import * as Step from "./internal/process/step.ts"
import { runTimers, TIMER_TYPES } from "./internal/process/timers.ts"
import { consume } from "./internal/reactor/consume.ts"
import { ProcessTimers } from "./ProcessTimers.ts"
import * as Reactor from "./Reactor.ts"

/**
 * The options of running the processes of a manager.
 *
 * @category types
 * @since 0.1.0
 */
export interface Options extends Pick<Reactor.Options<never, never>, "onFailure" | "maxParked"> {
  /** The place after which the processes follow the log, when they run for the first time. */
  readonly from: NonNullable<ConsumerGroup["from"]>
}

/**
 * Runs the processes of a manager for as long as it is built, shared with all other hosts that run
 * them.
 *
 * **Details**
 * It follows the log in three groups, see {@link groupNames}. An input whose step fails, and a
 * command that can't be sent, is held by `onFailure`; `ConsumerGroups` lists, releases and drops
 * them. A timer whose step fails stays due, and is tried again up to a minute later.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = <Event, State, Own, Of extends Targets, Timer extends string>(
  process: ProcessManager<Event, State, Own, Of, Timer>,
  { from, maxParked, onFailure }: Options
): Layer.Layer<never, never, ConsumerGroups | CommandHandler | ProcessTimers> =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const [groups, handler, timers] = [
        yield* ConsumerGroups,
        yield* CommandHandler,
        yield* ProcessTimers
      ]
      const names = groupNames(process)
      const categories = [process.aggregate.category]
      const take = Step.take(handler, process)
      const deliveriesOf = Step.deliveriesOf(process)
      const react = deliver(deliveriesOf, take)
      const inputs = Reactor.make({
        name: names.inputs,
        from,
        categories: process.from.map(({ category }) => category),
        key: (event) => deliveriesOf(event).keys,
        react: (event, { key }) => react(event, key),
        onFailure,
        maxParked
      })
      const commands = Reactor.make({
        name: names.commands,
        categories,
        types: COMMAND_TYPES,
        react: send(handler, process, take),
        transactional: true,
        onFailure,
        maxParked
      })
      const clock = { name: names.timers, categories, types: TIMER_TYPES }
      for (const [group, consumer] of [
        [inputs.group, consume(inputs)],
        [commands.group, consume(commands)],
        [clock, runTimers(process.name, timers, take)]
      ] as const) {
        yield* Effect.forkScoped(forever(`Group ${group.name}`, groups.run(group, consumer)))
      }
    })
  )

/**
 * Returns the names of the consumer groups of a process manager.
 *
 * @category destructors
 * @since 0.1.0
 */
export const groupNames = ({
  name
}: {
  readonly name: string
}): {
  /** The group that follows the events which are inputs of the processes. */
  readonly inputs: string
  /** The group that sends the commands of the processes. */
  readonly commands: string
  /** The group that keeps and fires the timers of the processes. */
  readonly timers: string
} => ({
  inputs: `process-${name}`,
  commands: `process-${name}-commands`,
  timers: `process-${name}-timers`
})
