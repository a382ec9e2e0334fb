/**
 * Shows that the laws of running processes are broken by services that break them.
 */
import { CommandHandler } from "@daybook/store/CommandHandler"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import { type Assignment, ConsumerGroups } from "@daybook/reactors/ConsumerGroups"
import * as ConsumerGroupsMemory from "@daybook/reactors/ConsumerGroupsMemory"
import { ProcessTimers } from "@daybook/reactors/ProcessTimers"
import * as ProcessTimersMemory from "@daybook/reactors/ProcessTimersMemory"
import * as Law from "@daybook/testing/Law"
import * as ProcessRunnerLaws from "@daybook/testing/contracts/ProcessRunnerLaws"
import { assert, describe, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"

type Groups = ConsumerGroups["Service"]
type Handler = CommandHandler["Service"]
type Timers = ProcessTimers["Service"]

interface Twin {
  readonly groups?: (groups: Groups) => Groups
  readonly handler?: (handler: Handler) => Handler
  readonly timers?: (timers: Timers) => Timers
  /** The sentences of the laws that it breaks, among others. */
  readonly breaks: ReadonlyArray<string>
}

const assigned =
  (change: (assignment: Assignment) => Assignment) =>
  (groups: Groups): Groups => ({
    ...groups,
    run: (group, consume) => groups.run(group, (assignment) => consume(change(assignment)))
  })

const isProcess = (category: string) => category.startsWith("process_")

/** Forgets the ids of the commands to some aggregates. */
const withoutIds =
  (of: (category: string) => boolean) =>
  (handler: Handler): Handler => ({
    ...handler,
    executeAll: (aggregate, id, requests, options) =>
      handler.executeAll(
        aggregate,
        id,
        of(aggregate.category) ? requests.map(({ command }) => ({ command })) : requests,
        options
      )
  })

const twins: Record<string, Twin> = {
  "inputs that have no ids": {
    handler: withoutIds(isProcess),
    breaks: ["a process: takes an event once that is delivered again"]
  },
  "commands that have no ids": {
    handler: withoutIds((category) => !isProcess(category)),
    breaks: ["a process: takes an event once that is delivered again"]
  },
  "pages that are handed out from the end": {
    groups: assigned((assignment) => ({
      ...assignment,
      pages: Stream.map(assignment.pages, (page) => ({
        ...page,
        events: page.events.toReversed()
      }))
    })),
    breaks: ["a process: takes each event once, in the order of the log"]
  },
  "checkpoints that move before the work": {
    groups: assigned((assignment) => ({
      ...assignment,
      pages: Stream.tap(assignment.pages, ({ checkpoint }) =>
        Effect.ignore(assignment.commit(checkpoint))
      )
    })),
    breaks: ["a process: goes on wherever its host died"]
  },
  "checkpoints that move some time after the work": {
    groups: assigned((assignment) => ({
      ...assignment,
      commitWith: (checkpoint, work) =>
        Effect.tap(work, () =>
          Effect.forkChild(Effect.delay(Effect.ignore(assignment.commit(checkpoint)), "20 millis"))
        )
    })),
    breaks: ["a process: goes on wherever its host died"]
  },
  "processes that go on after their end": {
    handler: (handler) => ({
      ...handler,
      executeAll: (aggregate, id, requests, options) =>
        handler.executeAll(
          !isProcess(aggregate.category)
            ? aggregate
            : {
                ...aggregate,
                decider: {
                  ...aggregate.decider,
                  decide: (command, state) =>
                    aggregate.decider.decide(command, { ...state, status: "running" })
                }
              },
          id,
          requests,
          options
        )
    }),
    breaks: ["a process: stays ended"]
  },
  "timers that are early": {
    timers: (timers) => ({
      ...timers,
      next: (process, range, limit) =>
        Effect.map(timers.next(process, range, limit), (next) =>
          next.map((timer) => ({ ...timer, due: DateTime.makeUnsafe(0) }))
        )
    }),
    breaks: ["a timer: does not fire before it is due"]
  },
  "timers that stay": {
    timers: (timers) => ({
      ...timers,
      apply: (process, changes) =>
        timers.apply(
          process,
          changes.filter(({ due }) => due !== undefined)
        )
    }),
    breaks: [
      "a timer: does not fire when it is cancelled",
      "a timer: is cancelled by the end of its process",
      "the store of timers: clears a timer"
    ]
  },
  "timers that are removed with their later setting": {
    timers: (timers) => ({
      ...timers,
      remove: (process, removed) =>
        timers.apply(
          process,
          removed.map(({ streamId, timer }) => ({ streamId, timer }))
        )
    }),
    breaks: ["the store of timers: removes a timer, and not a later setting of it"]
  }
}

const stores = Layer.mergeAll(
  ConsumerGroupsMemory.layer,
  ProcessTimersMemory.layer,
  CommandHandler.layer
).pipe(Layer.provideMerge(EventStoreMemory.layer))

const asIs = <A>(service: A): A => service

const brokenStores = ({ groups = asIs, handler = asIs, timers = asIs }: Twin) =>
  Layer.mergeAll(
    Layer.effect(ConsumerGroups, Effect.map(ConsumerGroups, groups)),
    Layer.effect(CommandHandler, Effect.map(CommandHandler, handler)),
    Layer.effect(ProcessTimers, Effect.map(ProcessTimers, timers))
  ).pipe(Layer.provideMerge(stores))

describe("The laws of running processes are broken by", () => {
  for (const [name, twin] of Object.entries(twins)) {
    it.live(name, () =>
      Effect.gen(function* () {
        const laws = ProcessRunnerLaws.laws.filter((law) => twin.breaks.includes(law.name))
        assert.strictEqual(laws.length, twin.breaks.length)
        const broken = yield* Law.broken(laws.map((law) => Law.provide(law, brokenStores(twin))))
        assert.deepStrictEqual(broken.map(({ law }) => law).toSorted(), twin.breaks.toSorted())
      })
    )
  }
})
