/**
 * The processes, their source and their target that the cases of the suite use.
 *
 * Every case has its own categories and names, so the log may hold others and receive more.
 */
import * as Aggregate from "@daybook/kernel/Aggregate"
import * as Decider from "@daybook/kernel/Decider"
import * as EventCodec from "@daybook/kernel/EventCodec"
import * as ProcessManager from "@daybook/kernel/ProcessManager"
import * as StreamId from "@daybook/kernel/StreamId"
import { ConsumerGroups } from "@daybook/reactors/ConsumerGroups"
import * as ProcessRunner from "@daybook/reactors/ProcessRunner"
import { ProcessTimers } from "@daybook/reactors/ProcessTimers"
import { CommandHandler } from "@daybook/store/CommandHandler"
import { EventStore } from "@daybook/store/EventStore"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Data from "effect/Data"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Contract from "../cases.ts"

export type Services = ConsumerGroups | EventStore | CommandHandler | ProcessTimers

export type Cases = Contract.Cases<Services | Scope.Scope>

/** An entry of a list; each is an event, and a command that leads to it. */
const Entry = Schema.TaggedUnion({
  Opened: {},
  Noted: { n: Schema.Int },
  /** Sets the bell to an instant, in milliseconds. */
  BellSet: { at: Schema.Int },
  BellStopped: {},
  Closed: {}
})
export type Entry = typeof Entry.Type

const CounterEvent = Schema.TaggedUnion({ Added: { n: Schema.Int }, Permitted: {} })
type CounterEvent = typeof CounterEvent.Type
const CounterCommand = Schema.TaggedUnion({
  Add: { n: Schema.Int },
  /** Lets the counter add negative numbers, which it rejects before. */
  Permit: {}
})
type CounterCommand = typeof CounterCommand.Type

class Negative extends Data.TaggedError("Negative")<{ readonly n: number }> {
  override get message() {
    return `${this.n} is negative`
  }
}

const Own = Schema.TaggedUnion({
  Began: {},
  Saw: { n: Schema.Int },
  Gave: { n: Schema.Int },
  Rang: {}
})

/** Builds a process that counts the notes of a list, under fresh names. */
export const freshWorld = () => {
  const suffix = SecureRandom.uuidV4Unsafe().slice(0, 8)
  /** The ids of processes that can't react: a fault of the definition, until it is corrected. */
  const faulty = new Set<string>()
  const lists = Aggregate.make({
    category: `list_${suffix}`,
    codec: EventCodec.make({ name: "list", events: Entry }),
    state: Schema.String,
    decider: Decider.make({
      initialState: "",
      decide: (entry: Entry): Result.Result<ReadonlyArray<Entry>> => Result.succeed([entry]),
      evolve: (_: string, { _tag }: Entry): string => _tag
    })
  })
  const counters = Aggregate.make({
    category: `counter_${suffix}`,
    codec: EventCodec.make({ name: "counter", events: CounterEvent }),
    state: Schema.Boolean,
    decider: Decider.make({
      initialState: false,
      decide: (
        command: CounterCommand,
        permitted
      ): Result.Result<ReadonlyArray<CounterEvent>, Negative> =>
        command._tag === "Permit"
          ? Result.succeed([{ _tag: "Permitted" }])
          : command.n < 0 && !permitted
            ? Result.fail(new Negative({ n: command.n }))
            : Result.succeed([{ _tag: "Added", n: command.n }]),
      evolve: (permitted: boolean, { _tag }: CounterEvent) => permitted || _tag === "Permitted"
    })
  })
  const process = ProcessManager.define({
    name: `suite_${suffix}`,
    from: [lists],
    events: EventCodec.make({ name: "suite", events: Own }),
    state: Schema.Int,
    commands: { [counters.category]: ProcessManager.target(counters, CounterCommand) },
    timers: ["bell"]
  }).make({
    initialState: 0,
    correlate: ({ _tag }, { streamId }) => {
      const id = StreamId.id(streamId)
      return _tag === "Opened" ? { start: id } : _tag === "Closed" ? { end: id } : { continue: id }
    },
    evolve: (sum, event) => (event._tag === "Saw" ? sum + event.n : sum),
    react: (_, input, { id }) => {
      if (faulty.has(id)) throw new Error(`${id} is faulty`)
      switch (input._tag) {
        case "Opened":
          return { events: [{ _tag: "Began" }] }
        case "Noted":
          return {
            events: [{ _tag: "Saw", n: input.n }],
            commands: [{ to: counters.category, id, command: { _tag: "Add", n: input.n } }]
          }
        case "BellSet":
          return { timers: [{ set: "bell", at: DateTime.makeUnsafe(input.at) }] }
        case "BellStopped":
          return { timers: [{ cancel: "bell" }] }
        case "TimerFired":
          return { events: [{ _tag: "Rang" }] }
        case "CommandRejected":
          return input.command._tag === "Add"
            ? { events: [{ _tag: "Gave", n: input.command.n }] }
            : {}
        case "Closed":
          return {}
      }
    }
  })
  return { lists, counters, process, faulty }
}

export type World = ReturnType<typeof freshWorld>

/** Records entries of the list `id`. */
export const record = Effect.fnUntraced(function* (
  { lists }: World,
  id: string,
  ...entries: ReadonlyArray<Entry>
) {
  const handler = yield* CommandHandler
  for (const entry of entries) yield* handler.execute(lists, id, entry)
})

/** Lets the counter `id` add negative numbers from now on. */
export const permit = Effect.fnUntraced(function* ({ counters }: World, id: string) {
  const handler = yield* CommandHandler
  yield* handler.execute(counters, id, { _tag: "Permit" })
})

/** Looks often, but leaves an embedded database time for the processes. */
const POLL = "20 millis"

/** Runs the processes in the current scope, as one host. */
export const runIn = ({ process }: World) =>
  Layer.build(ProcessRunner.layer(process, { from: "beginning" }))

/** Waits until the processes have taken and sent all that there is, or a failure stops them. */
export const untilIdle = Effect.fnUntraced(function* ({ process }: World) {
  const [groups, events, timers] = [yield* ConsumerGroups, yield* EventStore, yield* ProcessTimers]
  const isIdle = Effect.gen(function* () {
    const before = yield* events.head
    for (const name of Object.values(ProcessRunner.groupNames(process))) {
      // A group that was never run is not there yet.
      const found = yield* Effect.option(groups.status(name))
      if (Option.isNone(found)) return false
      const { lagEvents, state } = found.value
      if (state === "stopped") return true
      if (lagEvents > 0) return false
    }
    const { next } = yield* timers.status(process.name)
    const now = yield* timers.now
    const isDue = Option.exists(next, (due) => DateTime.isLessThanOrEqualTo(due, now))
    return !isDue && before === (yield* events.head)
  })
  yield* isIdle.pipe(
    Effect.tap((idle) => (idle ? Effect.void : Effect.sleep(POLL))),
    Effect.repeat({ until: (idle) => idle })
  )
})

/** Runs the processes until they are idle, as one host that then leaves. */
export const settle = (world: World) =>
  Effect.scoped(Effect.andThen(runIn(world), untilIdle(world)))

/** The account of the log of the process `id`, and of the counter that it counts with. */
export interface Account {
  /** The types of the events of its stream, in order. */
  readonly history: ReadonlyArray<string>
  /** The ids of the events that it took, in order. */
  readonly received: ReadonlyArray<string>
  /** The numbers that the counter added, in order. */
  readonly added: ReadonlyArray<number>
}

export const accountOf = Effect.fnUntraced(function* (
  { counters, process }: World,
  id: string
): Effect.fn.Return<Account, unknown, EventStore> {
  const events = yield* EventStore
  const read = (category: StreamId.Category) =>
    Effect.flatMap(Effect.fromResult(StreamId.make(category, id)), (streamId) =>
      Stream.runCollect(events.read(streamId))
    )
  const steps = yield* read(process.aggregate.category)
  const counted = yield* read(counters.category)
  const field = (data: unknown, name: string) =>
    Predicate.hasProperty(data, name) ? data[name] : undefined
  return {
    history: steps.map(({ type }) => type),
    received: steps.flatMap(({ data, type }) =>
      type === "EventReceived" ? [String(field(data, "eventId"))] : []
    ),
    added: counted.flatMap(({ data, type }) => (type === "Added" ? [Number(field(data, "n"))] : []))
  }
})

/** Waits until the account of the process `id` is as expected. */
export const untilAccount = (
  world: World,
  id: string,
  until: (account: Account) => boolean
): Effect.Effect<unknown, unknown, EventStore> =>
  accountOf(world, id).pipe(
    Effect.tap(() => Effect.sleep(POLL)),
    Effect.repeat({ until })
  )

/** The ids of the events of the list `id`, in order. */
export const entriesOf = Effect.fnUntraced(function* ({ lists }: World, id: string) {
  const events = yield* EventStore
  const streamId = yield* Effect.fromResult(StreamId.make(lists.category, id))
  const recorded = yield* Stream.runCollect(events.read(streamId))
  return recorded.map((event): string => event.id)
})
